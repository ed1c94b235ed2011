#!/usr/bin/env python3
"""Writes dequantize.txt: random blocks of every type and what the Python package `gguf` makes of them.

    pip install gguf==0.19.0 numpy && ./make-dequantize.py > dequantize.txt

One line per block: type, the bytes of the block, the bits of its elements in f32; hexadecimal, all little-endian
bytes. The scales are finite; everything else is any bits.
"""
from importlib.metadata import version

import numpy as np
import gguf

HALVES = {  # where a block keeps its f16 scales
    "F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}
OTHERS = ["F32", "BF16", "MXFP4"]
NATIVE = {"F32": np.float32, "F16": np.float16}

random = np.random.default_rng(2)
print("# Written by make-dequantize.py with gguf", version("gguf"))
for name in list(HALVES) + OTHERS:
    type_ = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[type_]
    for _ in range({1: 8, 32: 3, 256: 2}[elements]):
        block = random.integers(0, 256, size, dtype=np.uint8)
        for offset in HALVES.get(name, []):
            block[offset:offset + 2] = np.array([random.normal()], dtype=np.float16).view(np.uint8)
        if name == "F32":
            block[:] = np.array([random.normal()], dtype=np.float32).view(np.uint8)
        if name == "BF16":
            block[:] = np.array([random.normal()], dtype=np.float32).view(np.uint8)[2:]
        row = block[None, :].view(NATIVE.get(name, np.uint8))
        values = gguf.quants.dequantize(row, type_).astype(np.float32).ravel()
        assert values.size == elements and np.isfinite(values).all()
        print(name, block.tobytes().hex(), values.tobytes().hex())
