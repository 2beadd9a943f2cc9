"""The statistics tree and the tables of the tap, number by number against model.py, at the end of one pass and of two."""

import collections
import functools
import json
import re
import subprocess
import sys

import pytest

from model import Connection
from random_sessions import pack
from tshark import ROOT

sys.path.insert(0, str(ROOT / "tools" / "report"))

import tables  # noqa: E402

SESSIONS = 300

# What the model counts of one direction of a connection; the names are those of the summary's columns.
COUNTS = ["DontHaves", "Requests", "Bytes", "Rejected", "Never rejected", "Late requests", "Late, crossed", "Late blocks",
          "Announced again"]


class Counted(Connection):
    """The model, which also counts: of each side, what its DontHaves did."""

    def __init__(self, session):
        super().__init__(session.fast)
        self.counts = collections.Counter(), collections.Counter()
        self.pieces = collections.Counter()
        self.asked = {}             # Request -> its row in the table of requests
        self.to_dont_have, self.to_reject = [], []
        self.cancelled = {}         # (asker, piece, begin) -> Request: with Fast it is answered all the same (BEP 6)
        self.answered = 0
        for event in session.events:
            self.take(event)
        for side in (0, 1):
            self.counts[side]["Never rejected"] = len(self.sides[1 - side].awaiting)

    def show(self, event, columns):
        """Late blocks and announcements, from what the model shows at once."""
        shown = columns(False)
        self.counts[event.sender]["Late blocks"] += "late_block" in shown
        self.counts[event.sender]["Announced again"] += "reannounced" in shown

    def row(self, request, piece, begin):
        return self.asked.setdefault(request, {
            "Piece": piece, "Begin": begin, "Length": request.length, "Requested in": request.frame, "Disowned in": None,
            "Crossed": None, "Invalidated in": None, "Rejected in": None})

    def request(self, event, asker, owner, piece, begin, length):
        self.answered += (piece, begin) in asker.awaiting
        self.cancelled.pop((asker, piece, begin), None)
        super().request(event, asker, owner, piece, begin, length)
        if piece in owner.disowned:
            first = owner.disowned[piece]
            crossed = event.ack < first.end
            count = self.counts[1 - event.sender]
            count["Late requests"] += 1
            count["Late, crossed"] += crossed
            self.row(asker.outstanding[piece, begin], piece, begin).update(
                {"Disowned in": first.frame, "Crossed": "yes" if crossed else "no"})

    def piece(self, event, owner, asker, piece, begin, length):
        self.answered += (piece, begin) in asker.awaiting
        self.cancelled.pop((asker, piece, begin), None)
        super().piece(event, owner, asker, piece, begin, length)

    def cancel(self, event, asker, owner, piece, begin, length):
        if self.fast and (piece, begin) in asker.outstanding:
            self.cancelled[asker, piece, begin] = asker.outstanding[piece, begin]
        super().cancel(event, asker, owner, piece, begin, length)

    def reject(self, event, owner, asker, piece, begin, length):
        outstanding = asker.outstanding.get((piece, begin))
        waiting = asker.awaiting.get((piece, begin))
        if outstanding is None and waiting is not None:
            self.counts[event.sender]["Rejected"] += 1
            self.to_reject.append((event.time - waiting.invalidated_by.time) / 1000)
        answered = outstanding or waiting or self.cancelled.pop((asker, piece, begin), None)
        if answered in self.asked:
            self.asked[answered]["Rejected in"] = event.frame
        super().reject(event, owner, asker, piece, begin, length)

    def dont_have(self, event, owner, asker, used_id, piece):
        requests = [(block, request) for block, request in asker.outstanding.items() if block[0] == piece]
        count = self.counts[event.sender]
        count["DontHaves"] += 1
        count["Requests"] += len(requests)
        count["Bytes"] += sum(request.length for _, request in requests)
        self.pieces[f"Piece {piece}"] += 1
        for (_, begin), request in requests:
            self.to_dont_have.append((event.time - request.time) / 1000)
            self.row(request, piece, begin)["Invalidated in"] = event.frame
        super().dont_have(event, owner, asker, used_id, piece)

    def bad_dont_have(self, event, owner, asker, used_id):
        self.counts[event.sender]["DontHaves"] += 1
        self.pieces["Not four bytes"] += 1
        super().bad_dont_have(event, owner, asker, used_id)


@functools.lru_cache(maxsize=None)
def counted(transport):
    trace, sessions = pack(range(1, 1 + SESSIONS), transport)
    return trace.pcap(), [Counted(session) for session in sessions]


@pytest.fixture(params=["tcp", "utp"])
def sessions(request, staging):
    """The path of a capture, and its connections as the model has them."""
    data, connections = counted(request.param)
    path = staging.folder / f"statistics-{request.param}.pcap"
    if not path.exists():
        path.write_bytes(data)
        path.chmod(0o644)
    return path, connections


def read_tables(tshark, path, *names, filtered=""):
    options = [part for name in names for part in ("-z", f"bt.donthave,{name}{filtered}")]
    printed = tshark.read(path, "-q", *options) if filtered else everything(tshark, path)
    return {name: rows for name, rows in tables.read(printed).items() if name in names}


def summaries(tshark, path, *filters):
    """{filter: the summary of the packets that pass}, several in one run."""
    options = [part for where in filters for part in ("-z", f"bt.donthave,summary,{where}")]
    heading = "BitTorrent DontHave summary\n"
    printed = tshark.read(path, "-q", *options).split(heading)[1:]
    return {re.match("Filter: (.*)\n", part)[1]: tables.read(heading + part)["summary"] for part in printed}


EVERYTHING = {}


def everything(tshark, path):
    """All tables and the tree, as printed in one run; kept for other tests that ask for a part of it."""
    key = tshark.two_passes, path
    if key not in EVERYTHING:
        EVERYTHING[key] = tshark.read(path, "-q", *tables.OPTIONS, "-z", "bt.donthave,tree")
    return EVERYTHING[key]


def test_summary(tshark, sessions):
    """Each direction of each connection, all its numbers."""
    path, connections = sessions
    shown = collections.Counter(tuple(row[column] for column in COUNTS)
                                for row in read_tables(tshark, path, "summary")["summary"] if row["DontHaves"])
    expected = collections.Counter(tuple(count[column] for column in COUNTS)
                                   for connection in connections for count in connection.counts if count["DontHaves"])
    assert shown == expected


def test_requests(tshark, sessions):
    """Each Request that was invalidated or late, with what became of it later."""
    path, connections = sessions
    columns = ["Piece", "Begin", "Length", "Requested in", "Disowned in", "Crossed", "Invalidated in", "Rejected in"]
    shown = sorted(str([row[column] for column in columns])
                   for row in read_tables(tshark, path, "requests")["requests"])
    expected = sorted(str([row[column] for column in columns])
                      for connection in connections for row in connection.asked.values())
    assert shown == expected


def test_list(tshark, sessions):
    """The DontHaves add up to the summary."""
    path, connections = sessions
    rows = read_tables(tshark, path, "list")["list"]
    total = sum((sum(connection.counts, collections.Counter()) for connection in connections), collections.Counter())
    assert {"DontHaves": len(rows), **{column: sum(row[column] for row in rows) for column in
                                       ("Requests", "Bytes", "Rejected", "Never rejected")}} == \
        {column: total[column] for column in ("DontHaves", "Requests", "Bytes", "Rejected", "Never rejected")}
    assert sum(row["Asked again"] for row in rows) == total["Late requests"]
    # What is not four bytes long disowns nothing.
    without_effect = [row for row in rows if {"length", "bencoded"} & set((row["Findings"] or "").split(","))]
    assert without_effect and not any(row["Asked again"] for row in without_effect)


def test_filter_chooses_rows_and_keeps_what_is_known_of_them(tshark):
    """Rejects and later Requests do not pass `bt.donthave`; the rows say of them all the same."""
    path = ROOT / "captures" / "webtorrent_short.pcapng.gz"
    filtered = read_tables(tshark, path, "list", "requests", filtered=",bt.donthave")
    assert filtered == read_tables(tshark, path, "list", "requests")
    one = read_tables(tshark, path, "list", "requests", "summary", filtered=",frame.number == 147")
    assert [row["Frame"] for row in one["list"]] == [147]
    assert [row["Rejected in"] for row in one["requests"]] == [149] * 4
    assert [row["DontHaves"] for row in one["summary"]] == [1]


def test_what_an_asker_does_wrong_is_in_the_row_of_the_dont_have(tshark):
    """Late Requests are told where the DontHave's sender is; their own sender has no row."""
    rows = read_tables(tshark, "anomaly-rerequest", "summary")["summary"]
    assert [(row["Sender"].rpartition(":")[2], row["DontHaves"]) for row in rows] == [("27000", 1)]
    assert "disowned" in rows[0]["In words"]


def test_filter_chooses_what_the_summary_counts(tshark, sessions):
    """Each number belongs to the packet of its message, that of the Rejects to the packet of the DontHave: the two parts of
    a capture add up to the whole, and a DontHave's requests are rejected though the packet of the Reject is hidden."""
    path, _ = sessions

    def counted(rows):
        return {(row["Sender"], row["Receiver"]): collections.Counter({column: row[column] for column in COUNTS})
                for row in rows}

    filters = "frame.number <= 500", "frame.number > 500", "bt.donthave"
    filtered = summaries(tshark, path, *filters)
    first, second, alone = (counted(filtered[where]) for where in filters)
    all_counts = counted(read_tables(tshark, path, "summary")["summary"])
    assert first and second and first != all_counts
    assert {ends: first.get(ends, collections.Counter()) + second.get(ends, collections.Counter())
            for ends in first.keys() | second.keys()} == {ends: +counts for ends, counts in all_counts.items()}

    of_donthaves = "DontHaves", "Requests", "Bytes", "Rejected", "Never rejected"
    for ends, counts in all_counts.items():
        if counts["DontHaves"]:
            assert {column: alone[ends][column] for column in of_donthaves} == {column: counts[column] for column in of_donthaves}
    assert sum(counts["Rejected"] for counts in alone.values()) > 0
    assert sum(counts["Late requests"] for counts in alone.values()) < sum(counts["Late requests"] for counts in all_counts.values())


def test_a_wrong_filter_is_told(tshark):
    with pytest.raises(AssertionError, match="bt.donthave,list: .*nonsense"):
        tshark.read("clean-fast", "-q", "-z", "bt.donthave,list,nonsense ===")


def tree(tshark, path, filtered=""):
    """{(name of the node, name of the one above): its columns}."""
    found, above = {}, {}
    printed = tshark.read(path, "-q", "-z", f"bt.donthave,tree{filtered}") if filtered else everything(tshark, path)
    for line in printed.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        columns = re.split(r" {2,}", line.strip())
        if len(columns) > 3 and columns[1].isdigit():
            above[depth] = columns[0]
            found[columns[0], above.get(depth - 1)] = columns[1:]
    return found


@pytest.mark.parametrize("frame, one_pass_counts, two_passes_counts", [
    (147, {"Never rejected": 4}, {"Rejected": 4}),      # the DontHave
    (149, {"Rejected": 1, "Never rejected": 1}, {"Rejected": 2}),   # Rejects for it; a DontHave, and one of its two Rejects
])
def test_filter_of_the_tree(tshark, frame, one_pass_counts, two_passes_counts):
    """It counts the packets that pass. What became of a DontHave's requests is known with -2, else if the answer passes; an
    answer to a DontHave that was not counted counts for nothing."""
    shown = tree(tshark, ROOT / "captures" / "webtorrent_short.pcapng.gz", f",frame.number == {frame}")
    assert {name: int(columns[0]) for (name, above), columns in shown.items()
            if above == "Requests invalidated" and columns[0] != "0"} == (
        two_passes_counts if tshark.two_passes else one_pass_counts)


def test_tree(tshark, sessions):
    """Every node."""
    path, connections = sessions
    shown = tree(tshark, path)
    total = sum((sum(connection.counts, collections.Counter()) for connection in connections), collections.Counter())
    by_connection = collections.Counter(count["DontHaves"] for connection in connections for count in connection.counts
                                        if count["DontHaves"])
    pieces = sum((connection.pieces for connection in connections), collections.Counter())
    with_fast = sum(sum(connection.counts, collections.Counter())["DontHaves"] for connection in connections
                    if connection.fast)
    dropped = sum(sum(connection.counts, collections.Counter())["Requests"] for connection in connections
                  if not connection.fast)

    def counts(parent):
        return {name: int(columns[0]) for (name, above), columns in shown.items() if above == parent and columns[0] != "0"}

    assert int(shown["DontHaves", None][0]) == total["DontHaves"]
    assert set(counts("DontHaves").values()) == {total["DontHaves"]}
    assert collections.Counter(counts("By connection").values()) == by_connection
    assert counts("By piece") == dict(pieces)
    assert counts("By Fast extension") == {"With Fast": with_fast, "Without Fast": total["DontHaves"] - with_fast}
    assert sum(counts("By novelty").values()) == total["DontHaves"]
    assert int(shown["Requests invalidated", None][0]) == total["Requests"]
    expected = {"Rejected": total["Rejected"], "Never rejected": total["Never rejected"],
                "Served or asked again before a Reject": sum(connection.answered for connection in connections),
                "Dropped (without Fast)": dropped}
    assert counts("Requests invalidated") == {name: count for name, count in expected.items() if count}
    assert sum(expected.values()) == total["Requests"]
    assert int(shown["Bytes of invalidated requests, by connection", None][0]) == total["Bytes"]
    assert counts("Requests for disowned pieces") == {
        "Crossed the DontHave": total["Late, crossed"],
        "After the DontHave was acknowledged": total["Late requests"] - total["Late, crossed"]}
    assert sum(counts("Blocks of disowned pieces, by connection").values()) == total["Late blocks"]
    assert sum(counts("Disowned pieces announced again, by connection").values()) == total["Announced again"]
    for name, times in (("Time from Request to DontHave (ms)", "to_dont_have"),
                        ("Time from DontHave to Reject (ms)", "to_reject")):
        times = [time for connection in connections for time in getattr(connection, times)]
        count, average, least, most, *_ = shown[name, None]
        assert int(count) == len(times)
        assert float(average) == pytest.approx(sum(times) / len(times), abs=0.02)
        assert (float(least), float(most)) == pytest.approx((min(times), max(times)))


def test_tables_of_the_window(one_pass):
    """Programs with tables of their own (Wireshark, and sharkd, which shows them without a window) show the same rows."""
    path = ROOT / "captures" / "webtorrent_short.pcapng.gz"
    calls = [{"method": "load", "params": {"file": str(path)}},
             {"method": "tap", "params": {f"tap{number}": f"nstat:bt.donthave,{name}"
                                          for number, name in enumerate(tables.NAMES)}}]
    lines = "".join(json.dumps({"jsonrpc": "2.0", "id": number, **call}) + "\n" for number, call in enumerate(calls, 1))
    command = one_pass.command(["-"])
    command[command.index("tshark")] = "sharkd"
    printed = subprocess.run(command, input=lines.encode(), capture_output=True, check=True, timeout=120).stdout
    answer = next(answer for answer in map(json.loads, printed.splitlines()) if answer.get("id") == 2)
    shown = {tap["tap"].rpartition(",")[2]: tap for tap in answer["result"]["taps"]}
    expected = read_tables(one_pass, path, *tables.NAMES)
    for name in tables.NAMES:
        columns = [field["c"] for field in shown[name]["fields"]]
        rows = [{column: tables.value(column, str(cell).strip() or "-") for column, cell in zip(columns, row)}
                for row in shown[name]["tables"][0]["i"]]
        for row in [*rows, *expected[name]]:
            row.pop("Time", None)       # of other precision
        assert rows == expected[name]
