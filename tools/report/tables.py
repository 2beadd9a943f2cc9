"""The plugin's tables, as tshark prints them (-z bt.donthave,list and so on), as dictionaries."""

import re

NAMES = ("list", "requests", "summary")
OPTIONS = [part for name in NAMES for part in ("-z", f"bt.donthave,{name}")] + ["-z", "bt.mse,unreadable"]

TITLE = re.compile(r"BitTorrent DontHave (\w+)")
RULER = "=" * 67

# Columns of numbers; what is absent is None.
NUMBERS = {"Frame", "Piece", "ID", "Requests", "Bytes", "Rejected", "Never rejected", "Asked again", "Begin", "Length",
           "Requested in", "Disowned in", "Invalidated in", "Rejected in", "Asked again in", "DontHaves",
           "Late requests", "Late, crossed", "Late blocks", "Announced again"}


def value(column, text):
    if text == "-":
        return None
    return int(text) if column in NUMBERS else text


def read(printed):
    """{name of the table: its rows, each {column: value}}."""
    found = {name: [] for name in NAMES}
    lines = iter(printed.splitlines())
    for line in lines:
        title = TITLE.fullmatch(line)
        if not title:
            continue
        next(lines)                     # the filter
        columns = re.split(r" {2,}", next(lines).strip())
        for row in lines:
            if row == RULER:
                break
            cells = re.split(r" {2,}", row.strip(), maxsplit=len(columns) - 1)
            found[title[1]].append({column: value(column, cell) for column, cell in zip(columns, cells)})
    return found


def unreadable(printed):
    """{"tcp": connections that could not be read, "utp": ...}."""
    rows = (line.split("\t") for line in printed.splitlines() if line.startswith("unreadable\t"))
    return {carrier: int(count) for _, carrier, count in rows}


def report(found):
    """The DontHaves, each with the requests that it invalidated ("invalidated") and those that were asked again after it
    ("again"), the last DontHave for the piece before them."""
    donthaves = [{**row, "invalidated": [], "again": []} for row in found["list"]]
    by_frame, by_piece = {}, {}
    for donthave in donthaves:
        ends = donthave["Sender"], donthave["Receiver"], donthave["Piece"]
        by_frame.setdefault((*ends, donthave["Frame"]), []).append(donthave)
        by_piece.setdefault(ends, []).append(donthave)
    for request in found["requests"]:
        ends = request["Disowned by"], request["Asked by"], request["Piece"]
        for donthave in by_frame.get((*ends, request["Invalidated in"]), ()):
            if len(donthave["invalidated"]) < donthave["Requests"]:
                donthave["invalidated"].append(request)
                break
        if request["Disowned in"] is not None:
            before = [donthave for donthave in by_piece.get(ends, ()) if donthave["Frame"] < request["Requested in"]]
            if before:
                before[-1]["again"].append(request)
    return donthaves
