"""More items in a frame than Wireshark allows (a million): past a number of them a count stands instead."""

import pytest

import heavy
from capture import Trace
from tcp import TcpConnection
from utp import UtpConnection

ITEMS_MAX = 200_000     # BT_PEER_ITEMS_MAX of plugin/peer/packet-bt-peer.h


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
