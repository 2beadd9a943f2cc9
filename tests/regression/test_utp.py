"""uTP (BEP 29): every DontHave is found with no option, whatever order, numbers and ids its packets have.

The captures are those of captures/generate/utp_packets.py; test_recordings.py has the ones of real peers, and the stories
of test_stories.py are told over uTP as well as over TCP.
"""

import pytest

from capture import Trace
from many import Many
from peer_wire import dont_have, extension_handshake, handshake, have
from rows import dont_haves, invalidated, late_requests, ledger, negotiated, pieces, rejects
from session import LEECHER_IDS, SEED_IDS, TO_LEECHER, TO_SEED, begin
from utp import UtpConnection

FALLBACK = ["-o", "bt.donthave.fallback_id:3"]
BUILT_IN = ["--enable-heuristic", "bt_utp_udp"]
DECODE_AS = ["-d", "udp.port==27000,bt-utp"]

REASSEMBLED = "frame.number bt.peer.reassembled_from"


def from_pass_2(tshark, rows):
    """What a single pass cannot know when it prints the frame."""
    return rows if tshark.two_passes else []


def test_order(tshark):
    """Packets that come late: all that waits is complete with the first of them, in its order; copies are dropped."""
    assert pieces(tshark, "utp-order") == ["11 9,10,11", "15 12"]
    assert late_requests(tshark, "utp-order") == ["13 9 0 16384 11 0"]
    assert tshark.rows("utp-order", REASSEMBLED, where="bt.peer.reassembled") == ["11 10,10,9"]


def test_overtaken_handshake(tshark):
    """What stands before the first handshake is read with it: no id is missed."""
    assert negotiated(tshark, "utp-overtaken") == ["5 3", "7 7"]
    assert dont_haves(tshark, "utp-overtaken") == ["9 10.0.0.2 9 3 5 0 0"]


@pytest.mark.parametrize("cut", [2, 17])
@pytest.mark.parametrize("cutting", ["leecher", "seed"])
def test_handshake_in_parts(tshark, written, cutting, cut):
    """A handshake is found though neither of its packets tells what it is, and so is what follows it, which is cut as well."""
    trace = Trace(connect=UtpConnection)
    peers = trace.connect(trace)
    for peer, ids in (peers.leecher, LEECHER_IDS), (peers.seed, SEED_IDS):
        peer.send_cut(handshake("-LE0001-"), at=(cut,) if peer is getattr(peers, cutting) else ())
        last = peer.send_cut(extension_handshake(ids), size=20)
    peers.leecher.send(dont_have(TO_SEED, 9))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    assert pieces(tshark, written(trace)) == [f"{last + 1} 9", f"{last + 2} 5"]


def test_after_its_acknowledgement(tshark):
    """A packet that was given up, because an ACK covers it, and comes all the same, is read in its place, once."""
    assert pieces(tshark, "utp-late") == ["11 7", "12 5,8,6", "13 9"]
    assert tshark.rows("utp-late", REASSEMBLED, where="bt.peer.reassembled") == ["11 9", "12 12,11,11"]
    gaps = tshark.rows("utp-late", "frame.number", where="bt.peer.expert.gap")
    assert gaps == ([] if tshark.two_passes else ["11"])        # nothing is missing at the end


def test_after_a_whole_window(tshark):
    """So also where more packets wait for it than a capture mixes up: they come out at once when it is given up."""
    last = len(tshark.rows("utp-late-window", "frame.number"))
    assert pieces(tshark, "utp-late-window") == [f"{last - 1} 6", f"{last} 5"]
    gaps = tshark.rows("utp-late-window", "frame.number", where="bt.peer.expert.gap")
    assert gaps == ([] if tshark.two_passes else [str(last - 1)])


@pytest.mark.parametrize("first", ["leecher", "seed"])
def test_first_packet_after_its_acknowledgement(tshark, written, first):
    """So also where it is the first one of its sender, with its extension handshake, and comes after the packet that follows it."""
    trace = Trace(connect=UtpConnection)
    peers = trace.connect(trace)
    for peer, ids in (peers.leecher, LEECHER_IDS), (peers.seed, SEED_IDS):
        frame = peer.send(handshake("-LE0001-"), extension_handshake(ids))
        peer.send(have(3))
        last = peer.other.acknowledge()
        if peer is getattr(peers, first):
            trace.swap(frame, last)
    peers.leecher.send(dont_have(TO_SEED, 9))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    assert pieces(tshark, written(trace)) == [f"{last + 1} 9", f"{last + 2} 5"]


def test_after_the_end(tshark, written):
    """So also where it stands after its sender's ST_FIN, which has no bytes: frame 9 acknowledges all, 10 is a Have."""
    trace = Trace(connect=UtpConnection)
    peers = begin(trace)
    peers.seed.send(have(3))
    late = peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.seed.finish()
    last = peers.leecher.acknowledge()
    trace.swap(late - 1, last)
    trace.swap(late, last)
    assert pieces(tshark, written(trace)) == [f"{last} 5"]
    assert tshark.rows(written(trace), "frame.number", where="bt.peer.expert.gap") == []


def test_ipv6(tshark):
    assert pieces(tshark, "utp-order-ipv6") == ["10 9,10"]


def test_split(tshark):
    """A message from several packets names their frames; it stands in the last one."""
    assert ledger(tshark, "utp-split") == ["13 5 2 32768 10,10", "17 6 0 0 -"]
    assert invalidated(tshark, "utp-split") == from_pass_2(tshark, [
        "10 5 0 16384 13 0.003000000 -",
        "10 5 16384 16384 13 0.003000000 -",
    ])
    requests = from_pass_2(tshark, ["10 9,10"])
    assert tshark.rows("utp-split", REASSEMBLED, where="bt.peer.reassembled") == \
        [*requests, "13 11,12,13", "17 16,17"]


def test_reassembled_bytes(tshark):
    """Its bytes are a source of data of their own."""
    printed = tshark.read("utp-split", "-Y", "frame.number == 13", "-x")
    assert "Reassembled BitTorrent message (10 bytes):\n0000  00 00 00 06 14 03 00 00 00 05" in printed


def test_numbers_wrap(tshark):
    """seq_nr and ack_nr have 16 bits: after 65535 comes 0."""
    assert ledger(tshark, "utp-wrap") == [
        "15 1 1 16384 9", "18 2,3,4 1,1,1 16384,16384,16384 10,11,12", "19 5 1 16384 13", "20 6 1 16384 14"]
    assert late_requests(tshark, "utp-wrap") == ["21 6 0 16384 20 1", "22 6 0 16384 20 0"]


def test_lost_packet(tshark):
    """A packet that its receiver acknowledged never comes: what waits for it goes on with the next of its sender."""
    assert ledger(tshark, "utp-gap") == ["10 5 1 16384 9", "13 6,7 0,0 0,0 -", "15 8 0 0 -"]
    assert [item for item in tshark.experts("utp-gap") if "limit" in item] == []


def test_lost_packet_in_a_block(tshark):
    """After a hole of unknown length, a packet that begins with messages is trusted."""
    assert pieces(tshark, "utp-gap-in-block") == ["12 6"]


def test_packet_that_never_comes(tshark):
    """Nobody acknowledges it: 1024 packets from it on wait, then it is given up, and that is said once."""
    rows = pieces(tshark, "utp-gap-unknown")
    assert rows[0] == "9 1"
    assert rows[1] == "1044 " + ",".join(["2"] * 512)
    assert [row.split()[1] for row in rows[2:]] == ["2"] * len(rows[2:])
    assert sum(row.count("2") - row.split()[0].count("2") for row in rows[1:]) == 551
    assert [item for item in tshark.experts("utp-gap-unknown") if "limit" in item] == ["1044 limit"]


def test_one_way(tshark):
    """A capture of one side: 64 packets from the missing one on wait."""
    rows = pieces(tshark, "utp-one-way", *FALLBACK)
    assert rows[0] == "66 " + ",".join(map(str, range(1, 65)))
    assert rows[1:] == [f"{index + 2} {index}" for index in range(65, 101)]
    for options in ([], FALLBACK):
        assert [item for item in tshark.experts("utp-one-way", *options) if "limit" in item] == ["66 limit"]


@pytest.mark.parametrize("claim", [BUILT_IN, DECODE_AS, ["-o", "bt-utp.udp.port:27000"]],
                         ids=["heuristic", "decode-as", "port"])
def test_late_start(tshark, claim):
    """A capture from the middle of a connection is read where the user says that it is uTP."""
    assert pieces(tshark, "utp-late-start", *FALLBACK) == []
    assert ledger(tshark, "utp-late-start", *claim, *FALLBACK) == ["4 5 1 16384 2"]


@pytest.mark.parametrize("claim", [BUILT_IN, DECODE_AS], ids=["heuristic", "decode-as"])
@pytest.mark.parametrize("capture", ["utp-order", "utp-split", "utp-gap", "utp-two-at-once", "utp-one-after-another",
                                     "utp-dht", "utp-extensions", "utp-fast"])
def test_every_claim_is_the_same(tshark, capture, claim):
    """Whoever led the ports to uTP, the messages are the same."""
    assert dont_haves(tshark, capture, *claim) == dont_haves(tshark, capture)
    assert ledger(tshark, capture, *claim) == ledger(tshark, capture)


def test_no_syn(tshark):
    assert ledger(tshark, "utp-no-syn") == ["7 5 1 16384 6"]


def test_no_syn_and_overtaken(tshark, written):
    """The ST_STATE that answered the ST_SYN tells where its sender begins: its first two packets have changed places."""
    trace = Trace(connect=UtpConnection)
    peers = trace.connect(trace)
    peers.leecher.send(handshake("-LE0001-"), extension_handshake(LEECHER_IDS))
    last = peers.seed.send(handshake("-LE0001-"), extension_handshake(SEED_IDS))
    trace.swap(last, peers.seed.send(have(3)))
    trace.drop([1])
    peers.leecher.send(dont_have(TO_SEED, 9))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    assert pieces(tshark, written(trace)) == [f"{last + 1} 9", f"{last + 2} 5"]


def test_by_the_letter(tshark):
    """The first data of the side that was called may have the number after that of its ST_STATE."""
    assert pieces(tshark, "utp-by-the-letter") == ["9 9"]


def test_extensions(tshark):
    """Extensions of the header are stepped over, also those that the built-in dissector does not accept."""
    assert ledger(tshark, "utp-extensions") == ["11 5 1 16384 9", "13 6 0 0 -", "14 7 0 0 -"]


def test_two_connections_at_once(tshark):
    """Two connections on one pair of ports: each has its own ids, negotiation and ledger."""
    assert dont_haves(tshark, "utp-two-at-once") == [
        "19 10.0.0.2 5 3 11 0 0", "20 10.0.0.1 6 5 13 0 0", "21 10.0.0.1 5 5 13 0 0"]
    assert ledger(tshark, "utp-two-at-once") == ["19 5 1 16384 17", "20 6 0 0 -", "21 5 1 16384 18"]


def test_connections_one_after_another(tshark):
    """A new ST_SYN with the ids of an old connection begins another one."""
    assert dont_haves(tshark, "utp-one-after-another") == [
        "9 10.0.0.2 1 3 6 0 0", "19 10.0.0.2 2 4 16 0 0", "29 10.0.0.2 3 5 26 0 0"]


def test_syn_sent_again(tshark):
    """An ST_SYN that is sent or delivered once more does not."""
    assert pieces(tshark, "utp-syn-again") == ["10 1", "12 2"]


def test_crossed(tshark):
    """What ack_nr covers are packets: a DontHave is covered with the packet that it ends in."""
    assert late_requests(tshark, "utp-crossed") == ["11 5 0 16384 10 1", "12 5 16384 16384 10 0"]


def test_fast(tshark):
    """DontHaves and Rejects that begin in one packet and end in the next."""
    assert pieces(tshark, "utp-fast") == ["10 5", "11 5", "13 5", "14 5"]
    assert ledger(tshark, "utp-fast")[0] == "10 5 4 65536 9,9,9,9"
    assert rejects(tshark, "utp-fast") == [
        "11 5 0 16384 9", "12 5 16384 16384 9", "14 5 32768 16384 9", "15 5 49152 16384 9"]


def test_snaplen(tshark):
    """What was captured of a cut packet is read, and the next packet is in its place."""
    assert pieces(tshark, "utp-snaplen") == ["10 6", "11 7", "12 9"]


def test_large_window(tshark):
    """A header that the built-in dissector finds unusual is that of a connection that we know."""
    assert pieces(tshark, "utp-large-window") == ["9 9"]


def test_closed(tshark):
    assert pieces(tshark, "utp-closed") == ["9 5", "11 6"]


def test_packets_before_the_claim_stay_what_they_were(tshark):
    """Also on the second pass, when it is known that the handshake of frame 4 claims the ports."""
    protocols = tshark.rows("utp-order", "frame.protocols")
    assert protocols[:3] == ["eth:ethertype:ip:udp:data"] * 3
    assert "bt-utp" in protocols[3]


def test_no_conversation_leads_to_us_before_the_claim(tshark, without_utp):
    """What may begin uTP is kept until it is known. What is none leads to no dissector of ours, and its conversation is that
    of stock tshark."""
    assert {line.split(" ", 2)[2] for line in tshark.probe("utp-order", "packet")[:3]} == {"0 1"}
    ours, stock = ([line.rpartition(" ")[0] for line in tshark.probe(without_utp, "packet", stock=stock)]
                   for stock in (False, True))
    assert ours == stock
    assert {line.split(" ")[2] for line in ours} == {"0"}


def test_others_on_the_same_ports(tshark):
    """DHT (BEP 5) keeps its dissector, and trackers what they had, on ports that we have claimed."""
    assert ledger(tshark, "utp-dht") == ["16 5 1 16384 14", "18 6 0 0 -", "28 7 0 0 -"]
    assert tshark.rows("utp-dht", "frame.number", where="bt-dht") == ["1", "2", "12", "13", "17", "19"]
    tracker = ["-Y", "frame.number in {3, 15}", "-T", "fields", "-e", "frame.number", "-e", "frame.protocols"]
    assert tshark.read("utp-dht", *tracker) == tshark.stock("utp-dht", *tracker)


@pytest.fixture(scope="module")
def without_utp(staging):
    return Many(staging, ["other-udp", "utp-only-dht"]).path


@pytest.mark.parametrize("claim", [[], BUILT_IN, DECODE_AS], ids=["none", "heuristic", "decode-as"])
def test_no_false_claim(tshark, without_utp, claim):
    """DNS, STUN, RTP, QUIC, DHT, trackers and noise print as without the plugin; ours is not among the layers.

    The user may have switched on the built-in heuristic, which takes some of the noise for uTP: then it still does.
    """
    ours, stock = (read(without_utp, *claim, "-P", "-V") for read in (tshark.read, tshark.stock))
    assert ours == stock
