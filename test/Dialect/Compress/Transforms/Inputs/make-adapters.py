"""Writes the adapters lora-*/ beside this script."""

import json
import struct
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
PREFIX = "base_model.model.model."


def write(path, tensors, **config):
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.array(array, np.float32).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(np.shape(array)), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / path).parent.mkdir(exist_ok=True)
    (FOLDER / path).write_bytes(struct.pack("<Q", len(text)) + text + data)
    if config:
        text = json.dumps({"peft_type": "LORA", **config}, indent=2) + "\n"
        (FOLDER / path).with_name("adapter_config.json").write_text(text)


write(
    "lora-linear/adapter_model.safetensors",
    {PREFIX + "fc.lora_A.weight": [[1, 2, 3]], PREFIX + "fc.lora_B.weight": [[0.5], [-1]]},
    r=1,
    lora_alpha=2,
    fan_in_fan_out=False,
    bias="none",
)
write(
    "lora-embedding/adapter_model.safetensors",
    {
        PREFIX + "embed.lora_embedding_A": [[1, 0, 2, -1]],
        PREFIX + "embed.lora_embedding_B": [[1], [0.5], [0]],
    },
    r=1,
    lora_alpha=1,
)
write(
    "lora-conv/adapter_model.safetensors",
    {
        PREFIX + "conv.lora_A.weight": [[[[1, 2]], [[3, 4]]]],
        PREFIX + "conv.lora_B.weight": [[[[1]]], [[[-1]]]],
    },
    r=1,
    lora_alpha=4,
    use_rslora=True,
)
write(
    "lora-alone/plain.safetensors",
    {"fc.lora_A.weight": [[1, 2, 3]], "fc.lora_B.weight": [[0.5], [-1]]},
)
