"""What a figure was measured on."""

import datetime
import os
import pathlib
import subprocess

from table import ROOT


def about(threads):
    return {"date": datetime.date.today().isoformat(), "commit": commit(), "cpu": cpu(), "threads": threads}


def threads():
    return len(os.sched_getaffinity(0))


def cpu():
    """The processor's name, how many of it, and the instruction sets that decide the speed."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in info.split("\n\n")[0].splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    known = ["avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm"]
    name = fields.get("model name", "unknown processor")
    return f"{name} ({os.cpu_count()} logical, {' '.join(flag for flag in known if flag in flags)})"


def instruction_set(about):
    """The set of kernels that a machine runs, of what `about` says: it decides what can be reached."""
    sets = {"avx512_vnni": "AVX-512 VNNI", "avx2": "AVX2", "i8mm": "NEON with i8mm", "asimddp": "NEON with dotprod"}
    return next((name for flag, name in sets.items() if flag in about["cpu"]), "portable code")


def commit():
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
