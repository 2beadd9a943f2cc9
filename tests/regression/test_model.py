"""Random connections, thousands by seed: the plugin's rows are those of the model, for every field of the ledger.

A failure prints the seed; random_sessions.py writes the capture of that connection alone.
"""

import functools

import pytest

from model import replay
from random_sessions import pack
from tshark import ROOT

COLUMNS = """piece_index id id_assigned_in id_assumed fast requests bytes request_in unrejected negotiated
    request request.piece_index request.begin request.length request.invalidated_in request.time request.rejected_in
    late_request late_request.piece_index late_request.begin late_request.length late_request.crossed
    late_block late_block.piece_index late_block.begin late_block.length
    reject reject.piece_index reject.begin reject.length reject.request_in
    reannounced reannounced.piece_index disowned_in""".split()

# These have no value of their own: tshark prints something for each of them, which differs among versions.
ITEMS = {"request", "late_request", "late_block", "reject", "reannounced"}

# Python takes long to encrypt.
SESSIONS = {"tcp": 1500, "utp": 1500, "webrtc": 200}

KEYS = ROOT / "captures" / "webrtc" / "synthetic.keys"


@functools.lru_cache(maxsize=None)
def packed(first, transport):
    """The same for one pass and for two."""
    return pack(range(first, first + SESSIONS[transport]), transport)


WITHOUT_REASSEMBLY = ["-o", "tcp.desegment_tcp_streams:FALSE"]


@pytest.mark.parametrize("transport, first, options", [
    ("tcp", 1, []), ("tcp", 1_000_001, []), ("utp", 1, []), ("utp", 1_000_001, []), ("webrtc", 1, []),
    ("tcp", 1, WITHOUT_REASSEMBLY)])
def test_random_sessions(tshark, staging, transport, first, options):
    """Both sides ask, both disown, in every order; messages share packets, are cut in two, and come twice."""
    trace, sessions = packed(first, transport)
    path = staging.folder / f"random-{transport}-{first}.pcap"
    if not path.exists():
        path.write_bytes(trace.pcap())
        path.chmod(0o644)
    keys = f"tls.keylog_file:{tshark.staging.readable(KEYS)}"
    shown = read(tshark, path, "-o", keys, *options)
    for session in sessions:
        expected = replay(session.events, session.fast, tshark.two_passes)
        for frame in {event.frame for event in session.events}:
            assert settled(shown.pop(frame, {})) == settled(expected.get(frame, {})), (
                f"seed {session.seed}, frame {frame} of the whole capture: repeat it with\n"
                f"python3 tests/regression/random_sessions.py {session.seed} /tmp/session.pcap {transport}")
    assert not shown, "frames that no message completes"


def settled(columns):
    """The rules do not say in which order a Have All or a Bitfield takes its pieces back."""
    if columns.get("reannounced", "").count(",") == 0:
        return columns
    return {column: ",".join(sorted(shown.split(","))) if column in ("reannounced.piece_index", "disowned_in") else shown
            for column, shown in columns.items()}


def read(tshark, path, *options):
    """{frame: {column: values}} of all frames that show anything of ours."""
    fields = " ".join(f"bt.donthave.{column}" for column in COLUMNS)
    shown = {}
    for row in tshark.rows(path, f"frame.number {fields}", *options):
        frame, *values = row.split(" ")
        columns = {column: ",".join("1" * len(printed.split(","))) if column in ITEMS else printed
                   for column, printed in zip(COLUMNS, values) if printed != "-"}
        if columns:
            shown[int(frame)] = columns
    return shown
