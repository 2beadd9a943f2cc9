"""The Info column over uTP: our texts stand in the places of their messages, as over TCP.

The built-in dissector of uTP shows a packet as a whole, so the column is put in order after it.
"""

import re

import pytest

from capture import Trace
from many import Many
from peer_wire import KEEP_ALIVE, dont_have, extended, have, message, piece, reject, request
from session import TO_LEECHER, begin
from test_stock_output import OVER_UTP, REAL, without_ours
from utp import UtpConnection

BUILT_IN = ["--enable-heuristic", "bt_utp_udp"]


def gone(number):
    return dont_have(TO_LEECHER, number)


@pytest.fixture
def info(tshark, staging, request):
    """A function: what the seed sends from frame 9 on, a packet for each list of messages -> their rows."""
    def rows(*packets, leecher=(), fast=False):
        trace = Trace(connect=UtpConnection)
        peers = begin(trace, fast=fast)
        for each in leecher:
            peers.leecher.send(each)
        for each in packets:
            peers.seed.send(*each)
        path = staging.folder / f"info-{abs(hash((packets, leecher)))}.pcap"
        path.write_bytes(trace.pcap())
        path.chmod(0o644)
        # Newer versions call a keep-alive so.
        return [" ".join(row.replace("KeepAlive", "BitTorrent").split()) for row in tshark.info(path)[8 + len(leecher):]]
    return rows


HAVE = "Have, Piece (Idx:0x4)"


def test_in_its_place(info):
    """Each DontHave in the place of its Extended, the first, in the middle and the last one."""
    assert info((gone(1), have(4), gone(2), KEEP_ALIVE, gone(3))) == [
        f"DontHave Piece=1 (0 requests) {HAVE} DontHave Piece=2 (0 requests) BitTorrent DontHave Piece=3 (0 requests)"]


def test_other_extended_messages_stay(info):
    """Extended messages that are not DontHave, before, between and after."""
    other = extended(2, b"other")
    assert info((other, gone(1), other, other, gone(2), have(4), other)) == [
        f"Extended DontHave Piece=1 (0 requests) Extended Extended DontHave Piece=2 (0 requests) {HAVE} Extended"]


def test_marks_after_their_messages(info, tshark):
    """A mark of a Reject stands between its message and the next one."""
    rows = info((gone(5), reject(5), have(4)), leecher=(request(5),), fast=True)
    assert rows == [f"DontHave Piece=5 (1 request) Reject Request, Piece (Idx:0x5,Begin:0x0,Len:0x4000) [Rejects 9] {HAVE}"]


def test_marks_of_requests(two_passes, staging):
    """Two Requests in a packet, of which a DontHave takes back the first."""
    trace = Trace(connect=UtpConnection)
    peers = begin(trace)
    peers.leecher.send(request(5), request(6))
    peers.seed.send(gone(5))
    path = staging.folder / "info-requests.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    asked = "Request, Piece (Idx:0x{},Begin:0x0,Len:0x4000)"
    assert " ".join(two_passes.info(path)[8].split()) == f"{asked.format(5)} [Invalidated by 10] {asked.format(6)}"


def test_split_message(info):
    """A DontHave that began in the packet before comes first, and what uTP says of the packet before all."""
    block = piece(2, 0, bytes(100))
    first, second, third = info((block, gone(1)[:5]), (gone(1)[5:], have(4), gone(2)), (have(4),))
    assert first.startswith("Piece, Idx:0x2,Begin:0x0,Len:0x64 ")
    assert second == f"[Continuation to #9] DontHave Piece=1 (0 requests) {HAVE} DontHave Piece=2 (0 requests)"
    assert third == HAVE


@pytest.mark.parametrize("size", [1, 3, 4, 5, 6, 9, 13, 50])
def test_packet_ends_in_a_message(info, size):
    """The beginning of a message at the end of the packet, however much of it there is."""
    for block in (piece(2, 0, bytes(100)), extended(2, bytes(100))):
        row = info((gone(1), have(4), gone(2), block[:size]))[0]
        assert re.match(rf"DontHave Piece=1 \(0 requests\) {re.escape(HAVE)} DontHave Piece=2 \(0 requests\)( |$)", row)
        assert row.count("Extended") == (size >= 5 and block[4] == 20)


def test_where_the_built_in_dissector_loses_the_stream(info):
    """After a message that it does not know, it sees no other: ours stands at the end, and nothing of its own is lost."""
    row = info((extended(2, b"other"), message(18, b"abc"), gone(7), have(4)))[0]
    assert row.startswith("Extended ") and row.endswith("DontHave Piece=7 (0 requests)")


def test_late_packets(tshark):
    """What waited stands after the message that it waited for."""
    assert [" ".join(row.split()) for row in tshark.info("utp-order")[10:11]] == [
        "DontHave Piece=9 (0 requests) DontHave Piece=10 (0 requests) DontHave Piece=11 (0 requests)"]


def test_full_column(tshark, staging):
    """More texts than fit in the column: what the built-in dissector wrote is all there."""
    trace = Trace(connect=UtpConnection)
    peers = begin(trace, fast=True)
    peers.leecher.send(*(request(5, 0x4000 * number) for number in range(40)))
    peers.seed.send(gone(5), *(reject(5, 0x4000 * number) for number in range(40)))
    path = staging.folder / "info-full.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    row = tshark.info(path)[9]
    assert row.startswith("DontHave Piece=5 (40 requests)") and row.count("Reject Request") == 40


@pytest.fixture(scope="module")
def over_utp(staging):
    """All over uTP, but for what only we read: after MSE."""
    return Many(staging, [*(name for name in OVER_UTP if not name.startswith("mse-")),
                          *(path for path in REAL if "utp" in path.name)]).path


def test_list_keeps_every_line(tshark, over_utp):
    """Where the built-in heuristic is on: ours stands in the place of Extended, or where Wireshark shows no message, and
    nothing else changes. The columns that are full differ in what did not fit."""
    stock, ours = (read(over_utp, *BUILT_IN).splitlines() for read in (tshark.stock, tshark.read))
    assert len(stock) == len(ours)
    assert [(before, after) for before, after in zip(stock, ours)
            if without_ours(after) != without_ours(before) and len(after) < 4000] == []
