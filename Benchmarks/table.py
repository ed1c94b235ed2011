"""The rows that are measured, and the ratio to the better peer that each is meant to reach."""

import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODELS = pathlib.Path(os.environ.get("APUS_MODELS", pathlib.Path.home() / ".cache/apus/models"))
PEERS = pathlib.Path(os.environ.get("PEERS", pathlib.Path.home() / ".cache/apus-peers"))
# Where the parts of a run wait for scripts/bench-report.
RESULTS = ROOT / ".build/bench"

PROMPT = 512
# A column of the table: prefill, or decode of that many sequences together.
PREFILL = 0
COLUMNS = {PREFILL: f"prefill {PROMPT}", 1: "decode ×1", 8: "decode ×8", 32: "decode ×32"}


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    file: str
    # Ratios of `apus q8` by column; a column without one is not measured.
    targets: dict
    # Tokens that a sequence holds before it is measured.
    depth: int = 0
    # Ratios of `apus high` by column.
    high: dict = dataclasses.field(default_factory=dict)
    # Batch sizes beyond the columns, for the picture.
    more_batches: tuple = ()

    @property
    def works(self):
        return [PREFILL] + sorted({*self.targets, *self.more_batches} - {PREFILL})

    @property
    def path(self):
        return MODELS / self.file


def targets(*ratios):
    return {column: ratio for column, ratio in zip(COLUMNS, ratios) if ratio}


ANY = targets(1.2, 1.1, 1.5, 1.8)
HIGH = targets(1.0, 1.0, 1.0, 1.0)
# Of the read bandwidth, for decode ×1 of the row with this name.
BANDWIDTH_TARGET = {"1B-shape Q4_0": 0.85}

SMOLLM2 = "SmolLM2-135M-Instruct"
ROWS = [
    Row("SmolLM2-135M Q4_1", f"{SMOLLM2}.Q4_1.gguf", targets(1.6, 1.4, 2.5, 3.0), high=HIGH, more_batches=(2, 4, 16)),
    Row("gemma-3-270m Q4_K_M", "gemma-3-270m-q4_k_m.gguf", targets(1.6, 1.2, 1.8, 2.5), high=HIGH),
    Row("1B-shape Q4_0", "llama-1b-shape.Q4_0.gguf", targets(1.5, 1.05, 1.8, 2.2), high=HIGH),
    Row("1B-shape Q4_K_M", "llama-1b-shape.Q4_K_M.gguf", ANY),
    Row("SmolLM2-135M Q8_0", f"{SMOLLM2}.Q8_0.gguf", ANY),
    Row("SmolLM2-135M Q4_0", f"{SMOLLM2}.Q4_0.gguf", ANY),
    Row("SmolLM2-135M Q6_K", f"{SMOLLM2}.Q6_K.gguf", ANY),
    Row("SmolLM2-135M F16", f"{SMOLLM2}.F16.gguf", ANY),
    Row("SmolLM2-135M Q4_1 at 4,096 tokens", f"{SMOLLM2}.Q4_1.gguf", targets(1.3, 1.3, 1.5, None), depth=4096),
]
