"""Numbers that lie: segments from far ahead, ports and ids used again, clocks of all kinds, bytes that are no text."""

import json
import re
import struct
from xml.etree import ElementTree

import pytest

from capture import Trace
from peer_wire import INTERESTED, dont_have, extended, handshake, have, piece, reject, request
from session import TO_LEECHER, begin
from tcp import TcpConnection
from tshark import wireshark_version
from utp import UtpConnection

IN_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]
BOTH = pytest.mark.parametrize("connect", [TcpConnection, UtpConnection], ids=["tcp", "utp"])


@pytest.fixture
def written(tmp_path):
    """Write a capture where tshark may read it."""
    def write(contents):
        path = tmp_path / "capture.pcap"
        path.write_bytes(contents)
        return path
    return write


def rows(tshark, path, *fields, where="bt.donthave"):
    columns = [part for field in fields for part in ("-e", field)]
    return [line.split("\t") for line in tshark.read(path, "-Y", where, "-T", "fields", *columns).splitlines()]


@pytest.mark.parametrize("distance", [50_000, 5_000_000, 1 << 30])
def test_a_segment_far_ahead(tshark, written, distance):
    """Its bytes are messages, and nothing after it is lost, where TCP gives it to dissectors: up to 4.4, TCP withholds it all
    from all of them by default, as sent again."""
    trace = Trace()
    peers = begin(trace)
    before = peers.seed.seq
    peers.seed.seq += distance
    peers.seed.send(have(1), have(2))
    peers.seed.seq = before
    for number in range(4):
        peers.leecher.send(INTERESTED)
        peers.seed.send(dont_have(TO_LEECHER, number))
    path = written(trace.pcap())
    found = tshark.read(path, *IN_ORDER, "-Y", "bt.donthave", "-T", "fields", "-e", "bt.donthave.piece_index")
    assert found.split() == ["0", "1", "2", "3"]
    stock = tshark.stock(path, "-Y", "bittorrent.extended && frame.number > 9", "-T", "fields", "-e", "frame.number")
    assert [row[0] for row in rows(tshark, path, "frame.number")] == stock.split()


def test_a_block_of_messages(tshark, written):
    """A segment is missing in a block whose bytes are DontHaves: TCP tells how long the hole is, and none counts."""
    trace = Trace()
    peers = begin(trace)
    block = piece(6, 0, dont_have(TO_LEECHER, 60) * 1600)
    peers.seed.send(block[:1413])
    peers.seed.skip(block[1413:2813])
    peers.seed.send_cut(block[2813:], size=1400)
    peers.seed.send(dont_have(TO_LEECHER, 8))
    assert [row[0] for row in rows(tshark, written(trace.pcap()), "bt.donthave.piece_index")] == ["8"]

def test_a_block_of_messages_over_utp(tshark, written):
    """The same over uTP, which does not tell how long the packets are that are missing. Whichever they are, nothing of the block
    counts, and what comes in a packet of its own after it does."""
    per_packet = 1400
    block = piece(6, 0, b"\0" * 7 + dont_have(TO_LEECHER, 60) * 1637)
    packets = [block[at:at + per_packet] for at in range(0, len(block), per_packet)]
    assert all(packet.startswith(dont_have(TO_LEECHER, 60)) for packet in packets[1:])
    trace, wanted = Trace(connect=UtpConnection), []
    for first in range(1, len(packets)):
        for after in range(first + 1, len(packets) + 1):
            peers = begin(trace, leecher=(f"10.0.{first}.{after}", 40000))
            for number, packet in enumerate(packets):
                (peers.seed.skip if first <= number < after else peers.seed.send)(packet)
                peers.leecher.acknowledge()
            peers.seed.send(dont_have(TO_LEECHER, 5), dont_have(TO_LEECHER, 6))
            wanted += [["5,6"]]
    path = written(trace.pcap())
    assert rows(tshark, path, "bt.donthave.piece_index") == wanted


@pytest.mark.parametrize("resets, told", [(False, ""), (True, "1")])
def test_half_closed_before(two_passes, written, resets, told):
    """The receiver ends its side, and a DontHave comes after that: `closed_after` only where it closes once more, by RST, and
    not because the conversation has a FIN."""
    trace = Trace()
    peers = begin(trace)
    peers.leecher.finish()
    peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.leecher.acknowledge()
    if resets:
        peers.leecher.reset()
    path = written(trace.pcap())
    found = rows(two_passes, path, "bt.donthave.piece_index", "bt.donthave.expert.closed_after")
    assert [[piece, said and "1"] for piece, said in found] == [["5", told]]


@pytest.mark.parametrize("minutes", [1 / 6, 36, 71, 75])
def test_utp_ids_used_again(tshark, written, minutes):
    """The timestamp of uTP wraps after 71 minutes: a new ST_SYN begins another connection all the same."""
    trace = Trace(connect=UtpConnection)
    begin(trace).seed.send(dont_have(TO_LEECHER, 5))
    trace.wait(minutes * 60)
    begin(trace, leecher_ids={"lt_donthave": 4}, first=(1, 900)).seed.send(dont_have(4, 6))
    assert rows(tshark, written(trace.pcap()), "bt.donthave.piece_index", "bt.donthave.id") == [["5", "3"], ["6", "4"]]


@BOTH
@pytest.mark.parametrize("later, told", [(0, ""), (3, "1")])
def test_same_ports_without_an_end(two_passes, written, connect, later, told):
    """Another connection shows that the first is over: `unrejected` only where its last packet is more than a round trip
    after the DontHave."""
    trace = Trace(connect=connect)
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    if later:
        trace.wait(later)
        peers.leecher.send(INTERESTED)
    trace.wait(1)
    peers = begin(trace, fast=True, first=(900, 700))
    trace.wait(5)
    peers.seed.send(dont_have(TO_LEECHER, 6))
    found = rows(two_passes, written(trace.pcap()), "bt.donthave.unrejected", "bt.donthave.expert.unrejected")
    assert found == [["1", told], ["0", ""]]


def pcapng(trace, times, resolution):
    """The packets with other times, in units of 10^-resolution s. draft-ietf-opsawg-pcapng"""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + size + body + size

    blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
              block(1, struct.pack("<HHIHHB3xHH", 1, 0, 0, 9, 1, resolution, 0, 0))]
    for packet, time in zip(trace.packets, times):
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet.data), len(packet.data))
        blocks.append(block(6, head + packet.data))
    return b"".join(blocks)


@pytest.mark.parametrize("resolution", [0, 3, 6, 9])
@pytest.mark.parametrize("late", [9_300_000_000, 1 << 62, (1 << 63) - 60, (1 << 64) - 60], ids=["2264", "62", "63", "64"])
def test_absurd_times(two_passes, written, resolution, late):
    """A clock that jumps between 1970 and times that 64 bits do not hold in ns: no difference of two is wrapped around."""
    trace = Trace()
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.leecher.send(request(6))
    peers.seed.send(dont_have(TO_LEECHER, 6), reject(5), reject(6))
    times = [late + number if number % 2 else 5 for number in range(len(trace.packets))]
    path = written(pcapng(trace, times, resolution))
    assert rows(two_passes, path, "bt.donthave.piece_index", "bt.donthave.unrejected") == [["5", "0"], ["6", "0"]]
    ages = [float(row[0]) for row in rows(two_passes, path, "bt.donthave.request.time", where="bt.donthave.request")]
    year = 366 * 24 * 3600
    assert len(ages) == 2 and all(abs(age) < 293 * year for age in ages)
    # From 1970 to then, or from a time that wrapped in the reader to 1970: never of the other sign.
    assert len({age > 0 for age in ages}) == 1
    if late < 1 << 40:          # no reader wraps it, though it is too late for 64 bits of ns
        assert all(age > 0 for age in ages)


def test_names_that_are_no_utf_8(tshark, written):
    """Valid PDML, JSON and EK, whatever bytes a look-alike or an extension with the same id has for a name."""
    trace = Trace()
    peers = begin(trace)
    peers.leecher.send(extended(0, b"d1:md4:\xff\xfe\x80<i3e11:lt_donthavei3eee"))
    peers.leecher.send(extended(0, b"d1:md13:lt\xff-Dont_havei9eee"))
    peers.seed.send(dont_have(TO_LEECHER, 5))
    path = written(trace.pcap())
    for form in ("pdml", "json", "ek"):
        printed = tshark.read(path, "-T", form, "-Y", "frame.number > 8", text=False).decode("utf-8")
        if form == "pdml":
            assert len(ElementTree.fromstring(printed).findall("packet")) == 3
        elif form == "json":
            assert len(json.loads(printed)) == 3
        else:
            assert len([json.loads(line) for line in printed.splitlines()]) == 6
        assert "xff" in printed


@BOTH
def test_six_thousand_in_a_frame(tshark, written, connect):
    """Wireshark queues 5,000 entries of taps a frame; the statistics count all messages."""
    trace = Trace(connect=connect)
    begin(trace).seed.send(*(dont_have(TO_LEECHER, number) for number in range(6000)))
    path = written(trace.pcap())
    tree = tshark.read(path, "-q", "-z", "bt.donthave,tree")
    assert [line.split()[1] for line in tree.splitlines() if line.startswith("DontHaves")] == ["6000"]
    assert len([line for line in tree.splitlines() if line.startswith("  Piece ")]) == 5000
    assert [line.split()[1] for line in tree.splitlines() if line.startswith("  Others")] == ["1000"]
    listed = tshark.read(path, "-q", "-z", "bt.donthave,list").splitlines()
    assert len([line for line in listed if line.lstrip().startswith("9 ")]) == 6000


def test_info_over_utp(tshark, written):
    """Our text is apart from what the dissector of uTP wrote, where the packet begins within a message."""
    trace = Trace(connect=UtpConnection)
    begin(trace).seed.send_cut(dont_have(TO_LEECHER, 12), size=7)
    assert re.search(r"Len=3 +DontHave Piece=12", tshark.info(written(trace.pcap()))[9])


@BOTH
def test_without_bittorrent_it_is_stock(tshark, written, connect):
    """--disable-protocol bittorrent: not a layer of ours is left."""
    trace = Trace(connect=connect)
    begin(trace).seed.send(dont_have(TO_LEECHER, 12))
    options = ["--disable-protocol", "bittorrent", "-P", "-V"]
    path = written(trace.pcap())
    assert tshark.read(path, *options) == tshark.stock(path, *options)


def test_a_split_request_without_reassembly(two_passes, written):
    """bittorrent.desegment:FALSE: the item stands in the segment that the Request ends in."""
    trace = Trace()
    peers = begin(trace)
    asked = request(5)
    peers.leecher.send(asked[:9])
    peers.leecher.send(asked[9:])
    peers.seed.send(dont_have(TO_LEECHER, 5))
    path = written(trace.pcap())
    printed = two_passes.read(path, "-o", "bittorrent.desegment:FALSE", "-Y", "bt.donthave.request", "-T", "fields",
                              "-e", "frame.number", "-e", "bt.donthave.request.invalidated_in")
    assert printed.split() == ["10", "11"]


def test_cut_in_the_second_segment(two_passes, written):
    """The snaplen cuts the segments in which they end, after their last bytes: the Request counts, the DontHave has an index."""
    trace = Trace()
    peers = begin(trace)
    asked, gone = request(5), dont_have(TO_LEECHER, 5)
    peers.leecher.send(asked[:9])
    peers.leecher.send(asked[9:], piece(0, 0, bytes(500)))
    peers.seed.send(gone[:7])
    peers.seed.send(gone[7:], piece(1, 0, bytes(500)))
    for packet in trace.packets[8:]:
        packet.data = packet.data[:80]
    assert rows(two_passes, written(trace.pcap()), "frame.number", "bt.donthave.piece_index", "bt.donthave.requests") == \
        [["12", "5", "1"]]


@BOTH
def test_read_filter_keeps_the_ledger(two_passes, written, connect):
    """-2 -R: late Requests and Rejects are shown on their own packets, whatever was filtered out. -R sees the first pass,
    which knows nothing of the first Request but that it is one."""
    trace = Trace(connect=connect)
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(6))
    peers.leecher.send(INTERESTED)
    peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.leecher.send(INTERESTED)
    peers.leecher.send(request(5, 16384))
    peers.seed.send(reject(5), reject(5, 16384))
    path = written(trace.pcap())
    shown = "bt.donthave || bt.donthave.late_request || bt.donthave.reject"
    kinds = ["late_request", "reject"]
    columns = [part for kind in kinds for part in ("-e", f"bt.donthave.{kind}.begin")]
    printed = two_passes.read(path, "-R", shown, "-T", "fields", "-e", "bt.donthave.piece_index", *columns)
    assert sorted(printed.splitlines()) == sorted(["5\t\t", "\t16384\t", "\t\t0"])


def test_read_filter_and_the_same_ports(two_passes, written):
    """-2 -R: what is filtered out has the number of the packet after it, and may have its ports: two leechers with one port."""
    trace = Trace()
    shown, hidden = (begin(trace, leecher=(host, 40001)) for host in ("10.0.0.1", "10.0.0.3"))
    for index in (5, 6):
        for peers in (hidden, shown):
            peers.leecher.send(request(index))
        for peers in (hidden, shown):
            peers.seed.send(dont_have(TO_LEECHER, index))
    path = written(trace.pcap())
    columns = [part for name in ("piece_index", "requests") for part in ("-e", f"bt.donthave.{name}")]
    printed = two_passes.read(path, "-R", "ip.addr == 10.0.0.1", "-Y", "bt.donthave", "-T", "fields", *columns)
    assert printed.splitlines() == ["5\t1", "6\t1"]


def test_the_frame_in_which_a_capture_finds_its_messages(tshark, written):
    """The capture begins with a DontHave: its text stands in the place of `Extended` in that frame, too."""
    trace = Trace()
    peers = begin(trace, seed=("10.0.0.2", 6881))
    first = len(trace.packets)
    peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.seed.send(dont_have(TO_LEECHER, 6))
    del trace.packets[:first]
    printed = tshark.read(written(trace.pcap()), "-o", f"bt.donthave.fallback_id:{TO_LEECHER}", "-T", "fields", "-e", "_ws.col.Info")
    assert printed.split("\n")[:2] == ["DontHave Piece=5 (0 requests)", "DontHave Piece=6 (0 requests)"]


@pytest.mark.parametrize("first", [b"\xff" * 12, handshake("-LE0001-")], ids=["garbage", "handshake"])
def test_the_other_port_is_of_another_dissector(tshark, written, first):
    """TCP asks the lower port first. Where that one leaves a segment to BitTorrent, it is asked again for the next."""
    trace = Trace()
    peers = TcpConnection(trace, leecher=("10.0.0.1", 6881), seed=("10.0.0.2", 502))
    peers.leecher.send(first)
    for number in range(3):
        peers.leecher.send(struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 0, 1))       # Modbus: Read Holding Registers
        peers.seed.send(struct.pack(">HHHBBBH", number, 0, 5, 1, 3, 2, number))
    layers = [written(trace.pcap()), "-T", "fields", "-e", "frame.number", "-e", "frame.protocols"]
    stock = tshark.stock(*layers)
    assert tshark.read(*layers).replace("bt.peer:", "") == stock
    if wireshark_version() < (4, 4):                # later ones ask heuristics first, or the server's port only
        assert stock.count("modbus") == 6
