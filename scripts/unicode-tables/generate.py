#!/usr/bin/env python3
"""Writes Sources/Tokenization/Unicode/UnicodeTables.swift from Python's Unicode database.

    pip install unicodedata2==15.1.0
    scripts/unicode-tables/generate.py

Version 15.1 is the one that the reference tokenizers were built with; a newer one would split text that
contains newly assigned letters differently from what the models were trained on.
"""
import pathlib

import unicodedata2 as unicodedata

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "Sources/Tokenization/Unicode/UnicodeTables.swift"
CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)

# The bits of Swift's UnicodeClass.
LETTER, NUMBER, PUNCTUATION, SYMBOL, MARK, OTHER, WHITESPACE = (1 << i for i in range(7))
CATEGORY = {"L": LETTER, "N": NUMBER, "P": PUNCTUATION, "S": SYMBOL, "M": MARK, "C": OTHER, "Z": 0}
# White_Space of PropList.txt, which Python does not offer by that name.
SPACES = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def classes_of(code_point):
    category = unicodedata.category(chr(code_point))
    # An unassigned code point is neither a word nor a control character: no bit at all.
    bits = 0 if category == "Cn" else CATEGORY[category[0]]
    return bits | (WHITESPACE if code_point in SPACES else 0)


def ranges(values):
    """[(first, value)] for each run of equal values."""
    runs = []
    for code_point, value in enumerate(values):
        if not runs or runs[-1][1] != value:
            runs.append((code_point, value))
    return runs


def mapping_runs(mapping):
    """[(first, last, step, delta)]: code points first, first + step, ... last move by delta."""
    runs = []
    for source in sorted(mapping):
        delta = mapping[source] - source
        if runs:
            first, last, step, run_delta = runs[-1]
            gap = source - last
            if run_delta == delta and gap <= 2 and (first == last or gap == step):
                runs[-1] = (first, source, gap, delta)
                continue
        runs.append((source, source, 1, delta))
    return runs


def literal(name, comment, values):
    lines, line = [], "       "
    for value in values:
        item = f" {value},"
        if len(line) + len(item) > 108:
            lines.append(line)
            line = "       "
        line += item
    lines.append(line)
    body = "\n".join(lines)
    return f"    /// {comment}\n    static let {name}: [Int32] = [\n{body}\n    ]\n"


def main():
    characters = [c for c in range(CODE_POINTS) if c not in SURROGATES]
    classes = [OTHER if c in SURROGATES else classes_of(c) for c in range(CODE_POINTS)]
    lower = {c: ord(chr(c).lower()[0]) for c in characters if ord(chr(c).lower()[0]) != c}
    base = {}
    for c in characters:
        first = ord(unicodedata.normalize("NFD", chr(c))[0])
        if first != c:
            base[c] = first
    flat = lambda rows: [v for row in rows for v in row]
    base_runs = ranges([base.get(c, 0) for c in range(CODE_POINTS)])
    text = f"""// swift-format-ignore-file
// Written by scripts/unicode-tables/generate.py from Unicode {unicodedata.unidata_version}; not edited by hand.

enum UnicodeTables {{
{literal("classRuns", "Pairs (first code point, class bits of `UnicodeClass`); a run ends where the next one starts.",
         flat(ranges(classes)))}
{literal("lowercaseRuns", "Rows (first, last, step, delta): the lower case of first, first + step, … last is itself + delta.",
         flat(mapping_runs(lower)))}
{literal("baseRuns", "Pairs (first code point, first code point of the canonical decomposition; 0: itself).",
         flat(base_runs))}}}
"""
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(text)


main()
