"""What the plugin's tables say of a capture, wherever Wireshark's TCP keeps segments from the plugin.

In order (tcp.reassemble_out_of_order), segments that changed places are in their place, but TCP hands over nothing that
follows a segment which never comes, or of which the capture has only the beginning (a snapshot length). As they come, what
follows it is read, and what comes late is not. So a capture that lacks segments, or parts of them, is read both ways, and of
each connection counts the way that found more.
"""

import re

import tables
from running import reads_once

IN_ORDER, AS_THEY_COME = (["-o", f"tcp.reassemble_out_of_order:{value}"] for value in ("TRUE", "FALSE"))

# Segments before which another one is missing, at least at first.
GAPS = "tcp.analysis.lost_segment"
# The same, and those that are cut short. capinfos knows these ten times faster, but not of what is read once.
GAPS_AND_CUTS = f"{GAPS} || (tcp && frame.cap_len < frame.len)"
COUNT_OF_GAPS = re.compile(r"^\|[^|]*<>[^|]*\| *(\d+) \|", re.MULTILINE)


class Reading:
    """`found`: the tables; `unreadable`: see tables.py; `status`, `errors`: of tshark; `withheld`: what follows a missing segment,
    or a cut one, was not read, as a pipe can be read once."""

    def __init__(self, runner, capture, options, two_passes):
        def run(order, more):
            printed, self.status, self.errors = runner.run(capture, [*order, "-q", *tables.OPTIONS, *more, *options], two_passes)
            return printed, tables.read(printed), tables.unreadable(printed)

        once = reads_once(capture)
        printed, self.found, self.unreadable = run(IN_ORDER, ["-z", f"io,stat,0,{GAPS_AND_CUTS if once else GAPS}"])
        lacks_segments = any(map(int, COUNT_OF_GAPS.findall(printed))) or (not once and runner.cuts_packets(capture))
        self.withheld = lacks_segments and once
        if lacks_segments and not self.withheld:
            _, found, unreadable = run(AS_THEY_COME, [])
            self.found = together(self.found, found)
            self.unreadable = {carrier: min(count, unreadable.get(carrier, count)) for carrier, count in self.unreadable.items()}


ENDS = {"list": ("Sender", "Receiver"), "requests": ("Asked by", "Disowned by"), "summary": ("Sender", "Receiver")}
ORDER = {"list": "Frame", "requests": "Requested in"}


def by_connection(found):
    """{both ends: {name of the table: its rows}}, in the order of the summaries, the worst first."""
    connections = {}
    for name in ("summary", "list", "requests"):
        for row in found[name]:
            rows = connections.setdefault(frozenset(row[end] for end in ENDS[name]), {name: [] for name in tables.NAMES})
            rows[name].append(row)
    return connections


def weight(rows):
    return len(rows["list"]), len(rows["requests"])


def together(found, other):
    """The tables of both, of each connection those that say more; the first ones where they say as much. The summaries stand in
    the order of the other ones, of which no connection is withheld."""
    connections = by_connection(other)
    for ends, rows in by_connection(found).items():
        if ends not in connections or weight(rows) >= weight(connections[ends]):
            connections[ends] = rows
    joined = {name: [row for rows in connections.values() for row in rows[name]] for name in tables.NAMES}
    for name, column in ORDER.items():
        joined[name].sort(key=lambda row: row[column])
    return joined
