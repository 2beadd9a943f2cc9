"""More items in a frame than Wireshark allows (a million): past a number of them a count stands instead. More messages that
show something than a connection keeps: it says so."""

import re

import pytest

import heavy
from capture import Trace
from tcp import TcpConnection
from utp import UtpConnection

ITEMS_MAX = 200_000     # BT_PEER_ITEMS_MAX of plugin/peer/packet-bt-peer.h
NOTES_MAX = 1 << 20     # of plugin/core/notes.h
HANDSHAKES = 2          # with lt_donthave: each has something to show


@pytest.mark.parametrize("fill, connect, count", [
    (heavy.dont_haves_in_one_frame, UtpConnection, 100_000),
    (heavy.have_all_after_dont_haves, TcpConnection, 130_000),
], ids=["dont_haves", "have_all"])
def test_a_count_in_place_of_items(two_passes, fill, connect, count):
    """What the frame does not show, it counts."""
    trace = Trace(connect=connect)
    frame = fill(trace, count)
    path = two_passes.staging.folder / f"too-many-{count}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)

    shown = two_passes.read(path, "-Y", f"frame.number == {frame}", "-T", "fields", "-E", "occurrence=l",
                            "-e", "bt.peer.not_shown", "-e", "_ws.malformed", "-e", "_ws.expert.message").split("\t")
    assert int(shown[0]) > count / 2
    assert not shown[1]
    tree = two_passes.read(path, "-V", "-Y", f"frame.number == {frame}")
    assert "Items not shown" in tree and "issector bug" not in tree and "Malformed" not in tree
    assert tree.count("\n") < 4 * ITEMS_MAX


def test_the_limit_of_notes_is_told(one_pass):
    """A connection keeps so many messages with something to show, then says so, once, and is not followed any more."""
    trace = Trace(connect=TcpConnection)
    heavy.dont_haves_for_one_piece(trace, NOTES_MAX + 10)
    path = one_pass.staging.folder / "limit.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)

    told = one_pass.read(path, "-Y", "bt.donthave.expert.limit", "-T", "fields", "-E", "occurrence=l",
                         "-e", "_ws.expert.message")
    assert told == f"Limit reached: {NOTES_MAX} messages with something to show; what follows may be incomplete\n"
    counted = one_pass.read(path, "-q", "-z", "bt.donthave,tree")
    assert int(re.search(r"^DontHaves +(\d+)", counted, re.M)[1]) == NOTES_MAX - HANDSHAKES - 1
