"""Apus and its peers as commands that measure one piece of work."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from table import PEERS, PREFILL, PROMPT, RESULTS, ROOT

APUS = {"apus q8": "q8", "apus high": "high"}  # by precision of the activations; the peers' is 8 bits
PEER_NAMES = ["llama.cpp", "ik_llama.cpp"]
PEER_SETUP = ROOT.parent / "shared/peers/setup.sh"


def build_peers():
    """The peers that can be measured: {name: binary}. Builds what is not there yet."""
    library = PEERS / "source/vendor/llama.cpp"
    if not (PEERS / "ik").exists() and PEER_SETUP.exists():
        print(f"Building the peers in {PEERS} (about 10 minutes) ...", file=sys.stderr)
        subprocess.run([PEER_SETUP], stdout=sys.stderr, env={**os.environ, "PEERS": str(PEERS)})
    llama, ik = PEERS / "llama/bin", PEERS / "ik/ik_llama_cpp_python.libs"
    flags = {
        "llama.cpp": [f"-I{library}/include", f"-I{library}/ggml/include", f"-L{llama}", "-lllama", "-lggml"]
        + ["-lggml-base", f"-Wl,-rpath,{llama}"],
        "ik_llama.cpp": ["-DPEER_IK", f"-I{PEERS}/ik/include", *map(str, ik.glob("lib[lg]*l*a*-*.so"))]
        + ["-Wl,--allow-shlib-undefined,--disable-new-dtags", f"-Wl,-rpath,{ik}"],
    }
    present = {"llama.cpp": llama.exists(), "ik_llama.cpp": ik.exists()}
    return {name: binary for name in PEER_NAMES if present[name] and (binary := compiled(name, flags[name]))}


def compiled(name, flags):
    source, binary = ROOT / "Benchmarks/peer_bench.c", RESULTS / f"peer_bench_{name.split('.')[0]}"
    if binary.exists() and binary.stat().st_mtime > source.stat().st_mtime:
        return binary
    RESULTS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["cc", "-O2", source, *flags, "-o", binary])
    if done.returncode != 0:
        print(f"{name} is not measured: its benchmark does not build", file=sys.stderr)
        return None
    return binary


def command(engine, peers, apus, row, work, options):
    """What measures one piece of work: prefill, or the decode of `work` sequences."""
    threads, depth, runs = str(options.threads), str(row.depth), str(options.runs)
    if engine in APUS:
        sizes = ["--prompt", PROMPT, "--generate", 0]
        if work != PREFILL:
            sizes = ["--prompt", 0, "--generate", options.generate, "--batch", work]
        common = ["--threads", threads, "--depth", depth, "--runs", runs, "--precision", APUS[engine], "--json"]
        return [apus, "bench", "--model", row.path, *sizes, *common]
    return [peers[engine], row.path, threads, depth, str(PROMPT), str(options.generate), runs, str(work)]


def measure(arguments, work, seconds_max):
    """The line about a piece of work, or None and why there is none."""
    process = subprocess.Popen(
        list(map(str, arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate(timeout=seconds_max)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: only what was started here
        process.communicate()
        return None, f"stopped after {seconds_max} s"
    wanted = ("prefill", 1) if work == PREFILL else ("decode", work)
    for line in output.splitlines():
        if line.startswith("{") and (found := json.loads(line)) and (found["test"], found["batch"]) == wanted:
            return found, None
    last = (errors.strip().splitlines() or [""])[-1]
    return None, f"ended with {process.returncode}: {last}"


def divergence(apus, row, threads, seconds_max=300):
    """KL(high ‖ q8) of a model on the fixed text, as `apus bench` writes it."""
    arguments = [apus, "bench", "--model", row.path, "--threads", str(threads), "--divergence", "--json"]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds_max)
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
