#!/usr/bin/env python3
"""Writes reference.md beside this file, from what tshark says of the plugin in build/ (BT_DONTHAVE_BUILD)."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "regression"))

OURS = re.compile(r"bt\.(donthave|peer|mse)\b")

TYPES = {
    "FT_NONE": "item",
    "FT_BOOLEAN": "boolean",
    "FT_BYTES": "bytes",
    "FT_FRAMENUM": "frame number",
    "FT_RELATIVE_TIME": "relative time",
    "FT_STRING": "string",
}

INTRODUCTION = """# Reference

Everything that the plugin adds to Wireshark, as `tshark -G fields` and the like tells it. `docs/make_reference.py` writes this page.
"""


def registered(tshark, report):
    """The rows of a report of tshark -G that are about us, as lists of columns."""
    return [row for row in (line.split("\t") for line in tshark.run("-G", report).splitlines())
            if any(OURS.match(column) for column in row[:5])]


def table(head, rows):
    rows = list(rows)
    if not rows:
        return ["none", ""]
    line = "| {} |".format
    cells = [[re.sub(r"\|", r"\\|", cell) for cell in row] for row in rows]
    return [line(" | ".join(head)), line(" | ".join("---" for _ in head)).replace(" ", ""),
            *(line(" | ".join(row)) for row in cells), ""]


def type_name(printed):
    number = re.fullmatch(r"FT_(U?INT)(\d+)", printed)
    if number:
        return f"{'unsigned' if number[1] == 'UINT' else 'signed'}, {number[2]} bits"
    return TYPES.get(printed, printed)


def preferences(tshark):
    """Name, default and help of each."""
    for block in tshark.run("-G", "defaultprefs").split("\n\n"):
        lines = block.splitlines()
        setting = lines[-1] if lines else ""
        found = re.fullmatch(r"#?([\w.]+): ?(.*)", setting)
        if found and OURS.match(found[1]):
            # What is known of the values comes last, in lines of tshark's own.
            text = [line.lstrip("# ") for line in lines[:-1]
                    if not re.match(r"# (A decimal number|TRUE or FALSE|A string|One of:|\(case)", line)]
            yield f"`{found[1]}`", f"`{found[2]}`" if found[2] else "", " ".join(text)


def pages(tshark):
    fields = registered(tshark, "fields")
    experts = [row for row in fields if row[0] == "F" and ".expert." in row[2]]
    others = [row for row in fields if row[0] == "F" and ".expert." not in row[2]]
    # Taps that tshark prints; -z help writes to the standard error in some versions.
    taps = sorted(set(re.findall(r"(?m)^\s*(bt\.(?:donthave|peer|mse)[\w.,]*)", tshark.everything("-z", "help"))))
    lines = [INTRODUCTION, "## Protocols", ""]
    lines += table(["filter", "name"], ((f"`{row[2]}`", row[1]) for row in fields if row[0] == "P"))
    lines += ["## Fields", ""]
    lines += table(["field", "type", "name", "meaning"],
                   ((f"`{row[2]}`", type_name(row[3]), row[1], row[7] if len(row) > 7 else "") for row in others))
    lines += ["## Expert items", ""]
    lines += table(["filter", "text"], ((f"`{row[2]}`", row[1]) for row in experts))
    lines += ["## Preferences", "", "`-o NAME:VALUE`, or Edit > Preferences > Protocols.", ""]
    lines += table(["preference", "default", "meaning"], preferences(tshark))
    lines += ["## Statistics", "", "tshark prints them with the options `-q -z NAME`. "
              "Those of bt.donthave take a display filter, too (`-q -z NAME,FILTER`): it chooses the rows, in the summary and "
              "the tree the packets that are counted.", ""]
    lines += [*(f"* `{tap}`" for tap in taps), ""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    from tshark import Staging, Tshark
    staging = Staging()
    try:
        (ROOT / "docs" / "reference.md").write_text(pages(Tshark(staging)))
    finally:
        staging.remove()


if __name__ == "__main__":
    main()
