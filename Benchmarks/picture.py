"""One picture of both measurements: tokens a second against batch, and time between tokens against load."""

import subprocess
import sys
import venv

from table import PREFILL, ROOT

PYTHON = ROOT / ".build/bench/python"
REQUIREMENT = "matplotlib==3.10.7"
COLORS = {"apus q8": "#d1495b", "apus high": "#edae49", "llama.cpp": "#30638e", "ik_llama.cpp": "#00798c"}


def interpreter():
    """A Python that has matplotlib, in .build; made when it is missing."""
    python = PYTHON / "bin/python"
    if not (PYTHON / ".installed").exists():
        venv.create(PYTHON, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        (PYTHON / ".installed").touch()
    return python


def draw(engine, load, path):
    """Writes the picture of the first row's results and of the load sweep as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "apus", "font.size": 10})
    import matplotlib.pyplot as plt

    row = engine["rows"][0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for name, color in COLORS.items():
        points = sorted(
            (line["work"], line["tokens_per_second"])
            for line in row["results"]
            if line["engine"] == name and line["work"] != PREFILL
        )
        if points:
            left.plot(*zip(*points), "o-", color=color, label=name)
            # A step gives every sequence one token: its time is the best that a server on this engine can do.
            steps = [(batch, batch / speed * 1000) for batch, speed in points]
            right.plot(*zip(*steps), ":", color=color, linewidth=1, label=f"{name}, engine alone")
    left.set(title=f"{row['row']}: decode", xlabel="sequences", ylabel="tokens a second, all together")
    load = load or {"found": {}, "precision": "q8"}
    servers = [("apus", f"apus {load['precision']}", "apus serve"), ("llama-server", "llama.cpp", "llama-server")]
    for server, color, name in servers:
        points = load["found"].get(server, {}).get("sweep", [])
        if not points:
            continue
        streams = [p["streams"] for p in points]
        right.plot(streams, [p["itl_median"] * 1000 for p in points], "o-", color=COLORS[color], label=f"{name}, median")
        right.plot(streams, [p["itl_p99"] * 1000 for p in points], "x--", color=COLORS[color], label=f"{name}, p99")
    right.set(title="Streaming chats", xlabel="streams that begin together", ylabel="ms between tokens", yscale="log")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 2, 4, 8, 16, 32], labels=["1", "2", "4", "8", "16", "32"])
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
