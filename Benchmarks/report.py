"""Markdown tables of what the scripts/bench-* found."""

import machine
from engines import APUS, PEER_NAMES
from table import BANDWIDTH_TARGET, COLUMNS, PREFILL, ROWS


def engine_tables(found):
    """Ratios against their targets, and the speeds behind them."""
    rows = {row.name: row for row in ROWS}
    lines = [
        f"## The engine with {machine.instruction_set(found['machine'])}",
        "",
        measured(found),
        f"Each figure is the best of {found['rounds']} turns of {found['runs']} runs.",
        "",
        "### Ratio to the better peer",
        "",
        "`ratio ≥ target` is reached, `ratio < target` is not. Beside the ratios: prefill as a fraction of the 8-bit",
        "multiply-adds that all threads can do, decode ×1 as a fraction of the bytes that they can read, both measured in the",
        "same run; and the mean KL divergence of `q8` from `high`, with the positions where both prefer the same token.",
        "",
        *table(
            ["model", "precision", *COLUMNS.values(), "of integer peak", "of read bandwidth", "KL", "same token"],
            [cells for entry in found["rows"] for cells in ratio_rows(entry, rows[entry["row"]])],
        ),
        "",
        "### Tokens a second",
        "",
        *table(
            ["model", "work", *APUS, *PEER_NAMES],
            [cells for entry in found["rows"] for cells in speed_rows(entry)],
        ),
    ]
    failures = [(entry["row"], failure) for entry in found["rows"] for failure in entry["failures"]]
    if failures:
        lines += ["", "Turns that gave no figure:", ""]
        lines += [f"- {row}, {label(f['work'])}, {f['engine']}: {f['reason']}" for row, f in failures]
    return lines


def measured(found):
    """Parts may be of different runs: each says of which."""
    about = found["machine"]
    return f"Measured {about['date']}, commit {about['commit']}, {about['cpu']}, {about['threads']} threads."


def speeds(entry):
    """{(engine, work): line}"""
    return {(line["engine"], line["work"]): line for line in entry["results"]}


def better_peer(found, work):
    return max((found[peer, work]["tokens_per_second"] for peer in PEER_NAMES if (peer, work) in found), default=None)


def ratio_rows(entry, row):
    found = speeds(entry)
    for engine, precision in APUS.items():
        wanted = row.targets if precision == "q8" else row.high
        ratios = [against(found, engine, work, wanted.get(work)) for work in COLUMNS]
        prefill, single = found.get((engine, PREFILL)), found.get((engine, 1))
        bandwidth = single and single["of_read_bandwidth"]
        least = BANDWIDTH_TARGET.get(row.name) if precision == "q8" else None
        kl = entry["divergence"] if precision == "q8" else None
        yield [
            entry["row"],
            precision,
            *ratios,
            percent(prefill and prefill["of_integer_peak"]),
            percent(bandwidth) + (f" {'≥' if bandwidth >= least else '<'} {percent(least)}" if least and bandwidth else ""),
            f"{kl['mean_kl']:.4f}" if kl else "–",
            percent(kl and kl["same_greedy"]),
        ]


def against(found, engine, work, target):
    line, peer = found.get((engine, work)), better_peer(found, work)
    if not line or not peer:
        return "–"
    ratio = line["tokens_per_second"] / peer
    return f"{ratio:.2f}" + (f" {'≥' if ratio >= target else '<'} {target}" if target else "")


def speed_rows(entry):
    found = speeds(entry)
    for work in sorted({work for _, work in found}):
        engines = [*APUS, *PEER_NAMES]
        shown = [found.get((engine, work)) for engine in engines]
        yield [entry["row"], label(work), *(f"{line['tokens_per_second']:.0f}" if line else "–" for line in shown)]


def load_tables(found):
    """The load tests with their targets."""
    cells = [
        [check["test"], check["apus"], check.get("peer", "–"), check["target"], yes_or_no(check["reached"])]
        for check in found["checks"]
    ]
    return [
        "## Under load",
        "",
        measured(found),
        "",
        f"`apus serve --precision {found['precision']}` beside `llama-server -np 32 -kvu`, {found['model']}, "
        f"{found['machine']['threads']} threads, one after the other in one run.",
        "",
        *table(["measure", "Apus", "llama-server", "target", "reached"], cells),
    ]


def http_tables(found):
    """The HTTP server by itself, with its targets."""
    cells = [[check["test"], check["apus"], check["target"], yes_or_no(check["reached"])] for check in found["checks"]]
    lines = ["## The HTTP server by itself", "", measured(found), ""]
    if rates := found["found"].get("rate"):
        rows = [
            [name, f"{rate['per_second']:,.0f}", f"{rate['latency_median'] * 1000:.2f} ms"] for name, rate in rates.items()
        ]
        lines += [
            "`GET /health` by `wrk -t1 -c64`, the servers in turn in one run, the best turn of each; nginx has one worker and",
            "returns the same body.",
            "",
            *table(["server", "requests a second", "median latency"], rows),
            "",
        ]
    return lines + table(["measure", "Apus", "target", "reached"], cells)


def serving_tables(found):
    """What is done around the engine, with its targets."""
    cells = [[check["test"], check["apus"], check["target"], yes_or_no(check["reached"])] for check in found["checks"]]
    return ["## Around the engine", "", measured(found), "", *table(["measure", "Apus", "target", "reached"], cells)]


def yes_or_no(is_reached):
    return "yes" if is_reached else "**no**"


def label(work):
    return COLUMNS.get(work, f"decode ×{work}")


def percent(fraction):
    return "–" if fraction is None else f"{fraction * 100:.0f} %"


def table(head, rows):
    aligned = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(cells)} |" for cells in [head, aligned, *rows]]
