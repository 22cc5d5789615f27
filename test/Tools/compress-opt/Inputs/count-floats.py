"""Prints the part of the two layers of gate.mlir that is stored as floats: count-floats.py MODEL"""
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
print("reading", sys.argv[1])
# As text, and as bytecode.
codes = sum(data.count(b"\n  compress.weight private @%s.q : " % name)
            + data.count(b"\0%s.q\0" % name) for name in (b"a", b"b"))
print(1 - codes / 2)
