"""BitTorrent over WebRTC, rule by rule, in captures from a generator: captures/generate/webrtc_packets.py."""

import sys

import pytest

from tshark import ROOT, SYNTHETIC

sys.path.append(str(ROOT / "captures" / "generate"))
import data_channel
import dtls_records
from capture import Trace
from network import Address
from peer_wire import dont_have
from session import begin

KEYS = ROOT / "captures" / "webrtc" / "synthetic.keys"
NAMES = sorted(path.name.partition(".")[0] for path in SYNTHETIC.glob("webrtc-*.pcap*"))


def keys(tshark):
    return "-o", f"tls.keylog_file:{tshark.staging.readable(KEYS)}"


def dont_haves(tshark, name):
    return tshark.rows(name, "frame.number bt.donthave.piece_index", *keys(tshark), where="bt.donthave")


def late(tshark, name):
    """Frame, piece, frame of the DontHave, whether it crossed, of late Requests."""
    return tshark.items(name, "late_request", "piece_index disowned_in crossed", *keys(tshark))


def test_the_key_log_is_that_of_the_generator():
    assert KEYS.read_text() == dtls_records.KEY_LOG


def test_nothing_without_keys(tshark):
    """All of these captures, one after the other in a file: tshark prints what it prints without the plugin."""
    all_captures = tshark.staging.family(NAMES[0]).path
    assert tshark.read(all_captures, "-V") == tshark.stock(all_captures, "-V")


FOUND = {
    "webrtc-acknowledged": ["18 2"],
    "webrtc-answered": ["17 2", "21 4"],
    "webrtc-associations": ["27 1", "28 2"],
    "webrtc-channels": ["23 1,2", "24 4", "25 3"],
    "webrtc-closed": ["17 1"],
    "webrtc-crossed": ["17 5"],
    "webrtc-cut": ["16 1", "17 2,3", "20 4,5,6", "23 7", "33 8"],
    "webrtc-gap": ["16 1", "19 3,4"],
    "webrtc-gap-cut": ["16 1", "19 3,4,5"],
    "webrtc-interleaved": ["24 2", "25 1"],
    "webrtc-late": ["16 1", "18 3", "19 4", "20 2", "21 5"],
    "webrtc-mixed": ["17 2", "18 1", "20 3,4"],
    "webrtc-no-checksum": ["16 1"],
    "webrtc-not-sctp": [],
    "webrtc-order": ["18 10,11,12", "22 13"],
    "webrtc-others": ["22 1"],
    "webrtc-records": ["16 1,2"],
    "webrtc-reset": ["16 1", "27 2"],
    "webrtc-split-handshake": ["17 1"],
    "webrtc-unordered": ["16 1", "18 2,3", "21 5,6"],
    "webrtc-wrap": ["16 1", "18 2,3"],
}


@pytest.mark.parametrize("name", FOUND)
def test_dont_haves(tshark, name):
    """Which DontHaves are found, and in which frames, as the generator's docstrings say."""
    assert dont_haves(tshark, name) == FOUND[name]


def test_the_capture_ends(one_pass, two_passes):
    """What waits for a chunk that never comes is read when the capture ends: later passes show it, in its own frame."""
    assert dont_haves(one_pass, "webrtc-gap-end") == ["16 1"]
    assert dont_haves(two_passes, "webrtc-gap-end") == ["16 1", "17 3"]


def test_every_capture_has_a_test():
    assert {*FOUND, "webrtc-gap-end", "webrtc-many-associations"} == set(NAMES)


def test_too_many_associations(tshark):
    """That one is not followed is told once, at its INIT."""
    assert tshark.experts("webrtc-many-associations", *keys(tshark)) == ["453 limit"]
    assert len(tshark.rows("webrtc-many-associations", "frame.number", *keys(tshark),
                           where="bittorrent.protocol.name")) == 64


LATE = {
    "webrtc-answered": ["17 2 17 0", "21 4 21 0"],
    "webrtc-associations": ["30 1 27 0"],
    "webrtc-channels": ["27 2 23 0"],
    "webrtc-crossed": ["18 5 17 1", "19 5 17 1", "21 5 17 0"],
    "webrtc-late": ["22 2 20 0"],
    "webrtc-mixed": ["21 4 20 0"],
    "webrtc-order": ["21 10 18 0"],
    "webrtc-records": ["17 1 16 0", "17 2 16 0"],
    "webrtc-reset": [],
    "webrtc-wrap": ["19 2 18 0"],
}


@pytest.mark.parametrize("name", LATE)
def test_late_requests(tshark, name):
    """A Request crossed where nothing that its sender had sent acknowledged the DontHave, in that packet or before it; what
    other channels and associations said does not count."""
    assert late(tshark, name) == LATE[name]


EXPERTS = {
    "webrtc-acknowledged": [],
    "webrtc-answered": ["17 late_request", "19 invalidated", "21 invalidated", "21 late_request"],
    "webrtc-associations": ["30 late_request"],
    "webrtc-channels": ["27 late_request"],
    "webrtc-closed": ["16 invalidated", "17 invalidated", "17 closed_after"],
    "webrtc-crossed": ["16 invalidated", "17 invalidated", "18 late_request", "19 late_request", "21 late_request"],
    "webrtc-cut": ["22 late_block"],
    "webrtc-gap": [],
    "webrtc-gap-cut": [],
    "webrtc-interleaved": [],
    "webrtc-late": ["22 late_request"],
    "webrtc-mixed": ["21 late_request"],
    "webrtc-no-checksum": [],
    "webrtc-order": ["21 late_request"],
    "webrtc-others": [],
    "webrtc-records": ["17 late_request", "17 late_request"],
    "webrtc-reset": ["16 closed_after"],
    "webrtc-split-handshake": ["17 before_availability"],
    "webrtc-unordered": [],
    "webrtc-wrap": ["19 late_request"],
}


@pytest.mark.parametrize("name", EXPERTS)
def test_experts(two_passes, name):
    assert sorted(two_passes.experts(name, *keys(two_passes))) == sorted(EXPERTS[name])


@pytest.mark.parametrize("name, frame", [("webrtc-gap", 19), ("webrtc-gap-cut", 19), ("webrtc-gap-end", 17),
                                         ("webrtc-unordered", 21), ("webrtc-acknowledged", 18), ("webrtc-answered", 17)])
def test_gap(two_passes, name, frame):
    """Chunks that never come are told once, at the first message after them."""
    rows = two_passes.rows(name, "frame.number bt.peer.expert.gap", *keys(two_passes), where="bt.peer.expert.gap")
    assert [int(row.split()[0]) for row in rows] == [frame]
    assert "1 SCTP chunk of this peer is missing before this message" in two_passes.read(
        name, *keys(two_passes), "-q", "-z", "expert")


def test_gap_is_filled(one_pass, two_passes):
    """What comes late is not told once it has come."""
    def told(tshark):
        return tshark.rows("webrtc-late", "frame.number", *keys(tshark), where="bt.peer.expert.gap")
    assert told(one_pass) == ["18"]
    assert told(two_passes) == []


def test_parts_of_a_message(tshark):
    """A message names the frames that hold it, in their order, and those that lie in one do not."""
    rows = tshark.rows("webrtc-cut", "frame.number bt.peer.reassembled_from", *keys(tshark), where="bt.peer.reassembled")
    assert rows[:4] == ["17 16,17", "20 17,18,18,19,20", "22 21,22", "33 " + ",".join(map(str, range(24, 34)))]


def test_late_parts(tshark):
    """Messages that were read late show in the frame that made it possible, and name their own."""
    assert tshark.rows("webrtc-order", "frame.number bt.peer.reassembled_from", *keys(tshark),
                       where="bt.peer.reassembled") == ["18 18,17,16"]
    assert tshark.rows("webrtc-late", "frame.number bt.peer.reassembled_from", *keys(tshark),
                       where="bt.peer.reassembled") == ["20 16,20"]


def test_told_by_the_other_side(tshark):
    """A DontHave that the other side's packet makes known names its own frame, and the table who sent it."""
    assert tshark.rows("webrtc-answered", "frame.number bt.peer.reassembled_from", *keys(tshark),
                       where="bt.peer.reassembled") == ["17 16", "21 18"]
    rows = [line.split() for line in tshark.read("webrtc-answered", *keys(tshark), "-q", "-z",
                                                 "bt.donthave,list").splitlines() if "10.54.0." in line]
    assert [row[2:4] for row in rows] == [["10.54.0.2:50000", "10.54.0.1:40000"]] * 2


def test_both_records_of_a_datagram(tshark):
    """DTLS finds the direction of a record by the ports of UDP, so SCTP's must not stay."""
    assert tshark.rows("webrtc-records", "frame.number sctp.data_tsn bittorrent.msg.type udp.srcport", *keys(tshark),
                       where="frame.number >= 16") == ["16 4,5 20,20 50000", "17 3,4 6,6 40000"]
    assert "DontHave Piece=1 (0 requests) DATA (TSN=5) DontHave Piece=2 (0 requests)" in "\n".join(
        tshark.info("webrtc-records", *keys(tshark)))


def test_layers(tshark):
    """The way from DTLS to SCTP adds no layer, and all messages of a packet are one."""
    rows = tshark.rows("webrtc-channels", "frame.number frame.protocols", *keys(tshark), where="frame.number >= 22")
    assert rows == ["22 eth:ethertype:ip:udp:dtls:sctp:bittorrent",
                    "23 eth:ethertype:ip:udp:dtls:sctp:bittorrent:bt.donthave",
                    "24 eth:ethertype:ip:udp:dtls:sctp:bittorrent:bt.donthave",
                    "25 eth:ethertype:ip:udp:dtls:sctp:bittorrent:bt.donthave",
                    "26 eth:ethertype:ip:udp:dtls:sctp:bittorrent",
                    "27 eth:ethertype:ip:udp:dtls:sctp:bittorrent"]


def test_what_is_not_sctp(tshark):
    """Other protocols in DTLS, and packets that are nearly SCTP, are shown as without the plugin."""
    options = [*keys(tshark), "-V"]
    assert tshark.read("webrtc-not-sctp", *options) == tshark.stock("webrtc-not-sctp", *options)


def test_other_channels(tshark):
    """Data channels that are not BitTorrent: SCTP shows them as it does, and the dissector of RTC data channels its own."""
    rows = tshark.rows("webrtc-others", "frame.number frame.protocols", *keys(tshark), where="frame.number >= 16")
    assert rows == ["16 eth:ethertype:ip:udp:dtls:sctp:rtcdc", "17 eth:ethertype:ip:udp:dtls:sctp:rtcdc",
                    *[f"{frame} eth:ethertype:ip:udp:dtls:sctp:data" for frame in range(18, 22)],
                    "22 eth:ethertype:ip:udp:dtls:sctp:bittorrent:bt.donthave"]


def test_bittorrent_switched_off(tshark):
    """Without BitTorrent, nothing leads to SCTP either."""
    options = [*keys(tshark), "--disable-protocol", "bittorrent", "-V"]
    assert tshark.read("webrtc-cut", *options) == tshark.stock("webrtc-cut", *options)


def test_no_checksum_counts_only_after_a_right_one(tshark, tmp_path):
    """What has none is SCTP once one was right (RFC 9653). What came before is not, on later passes neither."""
    trace = Trace()
    dtls = dtls_records.Dtls(trace, Address("10.54.0.1", 40000), Address("10.54.0.2", 50000))
    stranger = data_channel.Peer(dtls, dtls.client, 1, 1, interleaving=False, checksum=False, unordered=False)
    before = stranger.sctp(*stranger.message(b"before"), tag=2)
    first = dtls.send(dtls.client, before)
    send = dtls.send

    def send_after_it(sender, *texts):
        dtls.send = send
        return send(sender, before, *texts)
    dtls.send = send_after_it
    trace.connect = lambda trace: data_channel.WebRtcConnection(trace, dtls=dtls, checksum=False)
    begin(trace).seed.send(dont_have(3, 1))
    path = tmp_path / "before.pcap"
    path.write_bytes(trace.pcap())
    rows = tshark.rows(path, "frame.number frame.protocols", *keys(tshark))
    layers = [row.split()[1].split(":").count("sctp") for row in rows]
    assert layers[first - 1:first + 2] == [0, 1, 1]
    assert [row.split()[0] for row in rows if row.endswith(":bt.donthave")] == [str(len(rows))]
