"""Writes a statistics file: make-statistics.py OUTPUT JSON

JSON maps an entry ("fc:input") to its statistics, or to the name of an entry that it is an alias
of. What is not given: 2 vectors, 1 run, no value that was not finite. Entries of weights
("fc:weight") have gradient, gradient_squares, hessian_trace and output_sensitivity.
"""
import json
import struct
import sys

COUNTS = ["vectors", "runs", "non_finite", "channels", "groups", "features", "gram_vectors"]
KINDS = {"U64": "<Q", "F32": "<f", "F64": "<d"}
TYPES = {"min": "F32", "max": "F32", "moving_range": "F32", "gram": "F32", "cross": "F32",
         "sum": "F64", "sum_abs": "F64", "sum_squares": "F64", "histogram": "U64",
         "histogram_range": "F64", "gradient": "F32", "gradient_squares": "F32",
         "hessian_trace": "F64", "output_sensitivity": "F64"}


def flatten(value):
    """Numbers and shape of nested lists."""
    shape, flat = [], [value]
    while isinstance(flat[0], list):
        shape.append(len(flat[0]))
        flat = [number for part in flat for number in part]
    return flat, shape


def main():
    """Tensors by falling size of their elements, as the format wants it."""
    tensors, metadata = [], {"compress.statistics": "1", "compress.fingerprint": "0",
                             "compress.samples": "1"}
    for key, entry in json.loads(sys.argv[2]).items():
        if isinstance(entry, str):
            metadata["compress.alias." + key] = entry
            continue
        if not key.endswith(":weight"):
            counts = {"vectors": 2, "runs": 1, "channels": len(entry.get("min", [])), **entry}
            tensors.append((key + "/counts", "U64", [counts.get(name, 0) for name in COUNTS]))
        tensors += [(key + "/" + name, kind, entry[name])
                    for name, kind in TYPES.items() if name in entry]
    header, data = {"__metadata__": metadata}, b""
    for name, kind, value in sorted(tensors, key=lambda tensor: tensor[1] == "F32"):
        numbers, shape = flatten(value)
        start = len(data)
        data += b"".join(struct.pack(KINDS[kind], number) for number in numbers)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[1], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
