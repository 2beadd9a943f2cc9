"""What uTP (BEP 29) does to a stream: order, numbers, connection ids, and others on the same ports.

Frames 1 to 8 are those of session.py unless a capture says otherwise: the seed writes DontHave with id 3, and 700 is
the seq_nr of its handshake.
"""

import random
import struct

from capture import capture
from network import UDP, Address, ip_packet, udp_datagram
from peer_wire import BLOCK, bitfield, dont_have, handshake, have, piece, reject, request
from session import ALL, LEECHER_IDS, PIECES, begin, negotiate, offer, shake_hands
from utp import RESET, STATE, SYN, UtpConnection

SELECTIVE_ACK, EXTENSION_BITS, UNKNOWN = 1, 2, 99


def start(trace, **where):
    """Frames 1 to 8; return the connection."""
    trace.connect = UtpConnection
    return begin(trace, **where)


def datagram(trace, source, destination, payload, answer=False):
    """A UDP datagram that is no uTP."""
    return trace.add(ip_packet(source, destination, UDP, udp_datagram(source, destination, payload)), answer)


@capture("utp-order")
def order(trace):
    """Three packets in the wrong order, and two of them twice. They were sent as 703, 704, 705.

    9   seed:    packet 705, the end of DontHave 11: waits
    10  seed:    packet 704, DontHave 10 and the beginning of DontHave 11: waits
    11  seed:    packet 703, DontHave 9: all three are complete
    12  seed:    packet 704 again
    13  leecher: Request 9/0: late
    14  seed:    packet 703 again
    15  seed:    packet 706, DontHave 12
    """
    peers = start(trace)
    first = peers.seed.send(dont_have(3, 9))
    cut = dont_have(3, 11)
    middle = peers.seed.send(dont_have(3, 10), cut[:4])
    last = peers.seed.send(cut[4:])
    trace.swap(first, last)
    trace.repeat(middle)
    peers.leecher.send(request(9))
    trace.repeat(last)
    peers.seed.send(dont_have(3, 12))


@capture("utp-order-ipv6")
def order_ipv6(trace):
    """Over IPv6.

    9   seed: packet 704, DontHave 10: waits
    10  seed: packet 703, DontHave 9
    """
    trace.connect = lambda trace: UtpConnection(trace, leecher=("2001:db8::1", 40000), seed=("2001:db8::2", 27000))
    peers = begin(trace)
    first = peers.seed.send(dont_have(3, 9))
    last = peers.seed.send(dont_have(3, 10))
    trace.swap(first, last)


@capture("utp-split")
def split(trace):
    """Messages in several packets.

    9, 10    leecher: Request 5/0, cut in two; after it Request 5/16384
    11-13    seed:    DontHave 5, cut in three
    14-16    seed:    Piece 6/0 of 16 KiB, cut in three; in 16 also DontHave 6, cut
    17       seed:    the rest of DontHave 6
    """
    peers = start(trace)
    requests = request(5) + request(5, BLOCK)
    peers.leecher.send_cut(requests, at=[7])
    peers.seed.send_cut(dont_have(3, 5), at=[2, 6])
    block = piece(6, 0, bytes(BLOCK))
    peers.seed.send(block[:6000])
    peers.seed.send(block[6000:12000])
    peers.seed.send(block[12000:], dont_have(3, 6)[:9])
    peers.seed.send(dont_have(3, 6)[9:])


@capture("utp-wrap")
def wrap(trace):
    """The seq_nr of both sides go from 65535 to 0, in the middle of messages, out of order.

    9-14   leecher: Requests 1/0 to 6/0
    15-20  seed:    DontHave 1 to 6; 16 and 18 are exchanged
    21     leecher: Request 6/0, which acknowledges up to 18: crossed
    22     leecher: Request 6/0, which acknowledges all: late
    """
    peers = start(trace, first=(65529, 65531))
    for index in range(1, 7):
        peers.leecher.send(request(index))
    frames = [peers.seed.send(dont_have(3, index)) for index in range(1, 7)]
    trace.swap(frames[1], frames[3])
    peers.leecher.send(request(6), acknowledging=(peers.seed.seq - 1) % 65536)
    peers.leecher.send(request(6))


@capture("utp-gap")
def gap(trace):
    """A packet of the seed that the capture lost.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    --  seed:    a packet that the capture did not see
    11  seed:    DontHave 6: waits
    12  leecher: ST_STATE, which acknowledges the packet that is missing: it never comes
    13  seed:    DontHave 7, and with it DontHave 6 from frame 11
    --  seed:    another one
    14  leecher: ST_STATE, which acknowledges it
    15  seed:    DontHave 8
    """
    peers = start(trace)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.skip()
    peers.seed.send(dont_have(3, 6))
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 7))
    peers.seed.skip()
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 8))


@capture("utp-gap-in-block")
def gap_in_block(trace):
    """A packet is missing inside a block. Nobody knows how long it was: sync is found at the next packet that begins with
    messages.

    9       seed:    the beginning of Piece 6/0
    --      seed:    the middle, not captured
    10      seed:    the end, and after it DontHave 5, of which nobody knows that it begins there
    11      leecher: ST_STATE
    12      seed:    DontHave 6
    """
    peers = start(trace)
    peers.seed.send(piece(6, 0, bytes(1400))[:700])
    peers.seed.skip()
    peers.seed.send(bytes(400), dont_have(3, 5))
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 6))


@capture("utp-gap-unknown", compressed=True)
def gap_unknown(trace):
    """A packet that never comes, and that its receiver never acknowledges: more and more waits, up to a limit.

    9          seed:    DontHave 1
    --         seed:    a packet that was lost
    10-1121    seed:    1101 packets with DontHave 2 and Have 2 in turns: they wait until the 1024th from the lost one on;
               leecher: after each hundredth an ST_STATE that does not acknowledge the one that was lost
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1))
    stuck = peers.seed.seq
    peers.seed.skip()
    for number in range(1101):
        peers.seed.send(have(2) if number % 2 else dont_have(3, 2))
        if number % 100 == 0:
            peers.leecher._packet(STATE, peers.leecher.seq, acknowledging=stuck)


@capture("utp-one-way")
def one_way(trace):
    """A capture that has the packets of the seed alone. Its DontHaves have the id of the preference, if there is one.

    1      seed: handshake
    2      seed: Bitfield
    --     seed: a packet that was lost
    3-102  seed: DontHave 1 to 100: nobody can tell that the packet is lost, so 64 packets from it on are enough
    """
    peers = UtpConnection(trace, opened=False)
    peers.seed.send(handshake("-SE0001-"))
    peers.seed.send(bitfield(range(128), 128))
    peers.seed.skip()
    for index in range(1, 101):
        peers.seed.send(dont_have(3, index))


@capture("utp-late-start")
def late_start(trace):
    """A capture that begins in the middle of a block. Only the user can tell that it is uTP, and which id it is.

    1  seed:    the end of a block
    2  leecher: Request 5/0
    3  seed:    Bitfield
    4  seed:    DontHave 5
    """
    peers = UtpConnection(trace, opened=False)
    peers.seed.send(b"\xbe" * 300)
    peers.leecher.send(request(5))
    peers.seed.send(bitfield(ALL, PIECES))
    peers.seed.send(dont_have(3, 5))


@capture("utp-no-syn")
def no_syn(trace):
    """The capture begins after the ST_STATE that answers the ST_SYN.

    1, 2  handshakes
    3-5   extension handshakes, Bitfield
    6     leecher: Request 5/0
    7     seed:    DontHave 5
    """
    peers = UtpConnection(trace, opened=False)
    shake_hands(peers)
    negotiate(peers)
    offer(peers)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))


@capture("utp-by-the-letter")
def by_the_letter(trace):
    """BEP 29 to the letter: the ST_STATE that answers the ST_SYN takes a number, so the first data has the next one.

    1-8  as ever
    9    seed: DontHave 9
    """
    trace.connect = UtpConnection
    peers = UtpConnection(trace, opened=False)
    peers.leecher._packet(SYN, 1, acknowledging=1, connection_id=5400)
    peers.leecher._advance()
    peers.seed.acknowledge()
    peers.seed._advance()
    peers.leecher.acknowledge()
    shake_hands(peers)
    negotiate(peers)
    offer(peers)
    peers.seed.send(dont_have(3, 9))


@capture("utp-extensions")
def extensions(trace):
    """Headers with extensions: they are no part of the stream.

    9   leecher: Request 5/0, with extension bits
    10  leecher: ST_STATE with a selective ACK of four bytes
    11  seed:    DontHave 5, with a selective ACK of eight bytes and an extension of an unknown type after it
    12  leecher: ST_STATE with a selective ACK of one byte, as libtorrent writes it
    13  seed:    DontHave 6, with a selective ACK of one byte
    14  seed:    DontHave 7, with an unknown extension of no bytes
    """
    peers = start(trace)
    peers.leecher.send(request(5), extensions=[(EXTENSION_BITS, bytes(8))])
    peers.leecher.acknowledge(extensions=[(SELECTIVE_ACK, b"\x01\x00\x00\x00")])
    peers.seed.send(dont_have(3, 5), extensions=[(SELECTIVE_ACK, bytes(8)), (UNKNOWN, b"\1\2\3")])
    peers.leecher.acknowledge(extensions=[(SELECTIVE_ACK, b"\x01")])
    peers.seed.send(dont_have(3, 6), extensions=[(SELECTIVE_ACK, b"\x05")])
    peers.seed.send(dont_have(3, 7), extensions=[(UNKNOWN, b"")])


@capture("utp-two-at-once")
def two_at_once(trace):
    """Two connections on one pair of UDP ports, opened one by each side; packets of both in turns.

    1-3    connection A, opened by 10.0.0.1: ids 5401 and 5400
    4-6    connection B, opened by 10.0.0.2: ids 9000 and 9001
    7-16   A and B in turns: handshakes, extension handshakes, Bitfield. In B 10.0.0.1 is the seed, which writes 5
    17     A, 10.0.0.1: Request 5/0
    18     B, 10.0.0.2: Request 5/0
    19     A, 10.0.0.2: DontHave 5, id 3
    20     B, 10.0.0.1: DontHave 6, id 5: none
    21     B, 10.0.0.1: DontHave 5, id 5
    """
    a = UtpConnection(trace)
    b = UtpConnection(trace, leecher=("10.0.0.2", 27000), seed=("10.0.0.1", 40000), connection_id=9000, first=(1, 700))
    for send in ("handshake", "extensions", "bitfield"):
        for peers, leecher_ids in ((a, LEECHER_IDS), (b, {"lt_donthave": 5})):
            if send == "handshake":
                shake_hands(peers)
            elif send == "extensions":
                negotiate(peers, leecher_ids)
            else:
                offer(peers)
    a.leecher.send(request(5))
    b.leecher.send(request(5))
    a.seed.send(dont_have(3, 5))
    b.seed.send(dont_have(5, 6))
    b.seed.send(dont_have(5, 5))


@capture("utp-one-after-another")
def one_after_another(trace):
    """The same ports and the same connection ids three times; each time the leecher gives lt_donthave another id.

    1-9    first connection: the seed writes DontHave 1 with id 3
    10     leecher: ST_FIN
    11-19  second: DontHave 2 with id 4
    20     seed:    ST_RESET
    21-29  third, with the seq_nr of the first: DontHave 3 with id 5
    """
    for number, (first, last) in enumerate((((1, 700), "finish"), ((900, 40000), "reset"), ((1, 700), None))):
        peers = start(trace, first=first, leecher_ids={"lt_donthave": 3 + number})
        peers.seed.send(dont_have(3 + number, 1 + number))
        if last == "finish":
            peers.leecher.finish()
        elif last == "reset":
            peers.seed.reset()
        trace.wait(1)


@capture("utp-syn-again")
def syn_again(trace):
    """An ST_SYN that is sent twice, because the first answer was lost, and a copy of the first that comes very late.

    1, 2   ST_SYN, and again a second later
    3, 4   ST_STATE of both
    5-9    handshakes, extension handshakes, Bitfield
    10     seed:    DontHave 1
    11     leecher: frame 1, delivered again by the network
    12     seed:    DontHave 2
    """
    trace.connect = UtpConnection
    peers = UtpConnection(trace, opened=False)
    first = peers.leecher._packet(SYN, 1, acknowledging=1, connection_id=5400)
    trace.wait(1)
    peers.leecher._packet(SYN, 1, acknowledging=1, connection_id=5400)
    peers.leecher._advance()
    peers.seed.acknowledge()
    peers.leecher.acknowledge()
    shake_hands(peers)
    negotiate(peers)
    offer(peers)
    peers.seed.send(dont_have(3, 1))
    trace.repeat(first)
    peers.seed.send(dont_have(3, 2))


@capture("utp-crossed")
def crossed(trace):
    """What an ack_nr covers are packets: the DontHave 5 ends in the second of two.

    9   seed:    the beginning of DontHave 5
    10  seed:    its end, and after it Have 1
    11  leecher: Request 5/0, which acknowledges frame 9 only: crossed
    12  leecher: Request 5/16384, which acknowledges frame 10
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 5)[:6])
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5)[6:], have(1))
    peers.leecher.send(request(5), acknowledging=before)
    peers.leecher.send(request(5, BLOCK))


@capture("utp-fast")
def fast(trace):
    """DontHaves and Rejects, which together fill packets and begin in one and end in another.

    9      leecher: Requests 5/0, 5/16384, 5/32768, 5/49152
    10-15  seed:    DontHave 5 and Reject, four times, cut every 20 bytes
    """
    peers = start(trace, fast=True)
    blocks = [number * BLOCK for number in range(4)]
    peers.leecher.send(*(request(5, block) for block in blocks))
    peers.seed.send_cut(*(dont_have(3, 5) + reject(5, block) for block in blocks), size=20)


@capture("utp-snaplen")
def snaplen(trace):
    """Packets cut after 100 bytes, 38 of the payload: the blocks do not matter, and what is in the first bytes is there.

    9   seed: Piece 6/0, cut
    10  seed: DontHave 6
    11  seed: DontHave 7, Piece 8/0, cut
    12  seed: DontHave 9
    """
    peers = start(trace)
    peers.seed.send(piece(6, 0, bytes(1200)))
    peers.seed.send(dont_have(3, 6))
    peers.seed.send(dont_have(3, 7), piece(8, 0, bytes(1200)))
    peers.seed.send(dont_have(3, 9))
    for packet in trace.packets[8:]:
        packet.data = packet.data[:100]


PING = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
PONG = b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"


def tracker_connect(transaction):
    """BEP 15."""
    return struct.pack(">QII", 0x41727101980, 0, transaction)


@capture("utp-dht")
def dht(trace):
    """DHT (BEP 5) and UDP tracker (BEP 15) on the ports of a uTP connection: before, between and after.

    1, 2    DHT ping and its answer
    3       tracker connect
    4-11    the connection begins
    12, 13  DHT ping and its answer
    14      leecher: Request 5/0
    15      tracker connect
    16      seed:    DontHave 5
    17      DHT ping
    18      seed:    DontHave 6
    19-27   DHT ping, then a second connection
    28      seed:    DontHave 7 on it
    """
    leecher, seed = Address("10.0.0.1", 40000), Address("10.0.0.2", 27000)
    datagram(trace, leecher, seed, PING)
    datagram(trace, seed, leecher, PONG, answer=True)
    datagram(trace, leecher, seed, tracker_connect(1))
    peers = start(trace)
    datagram(trace, leecher, seed, PING)
    datagram(trace, seed, leecher, PONG, answer=True)
    peers.leecher.send(request(5))
    datagram(trace, leecher, seed, tracker_connect(2))
    peers.seed.send(dont_have(3, 5))
    datagram(trace, leecher, seed, PING)
    peers.seed.send(dont_have(3, 6))
    datagram(trace, leecher, seed, PING)
    peers = start(trace, connection_id=777)
    peers.seed.send(dont_have(3, 7))


@capture("utp-only-dht")
def only_dht(trace):
    """Two DHT messages and two of a tracker, on ports that the user may lead to uTP.

    1  10.0.0.1: DHT ping
    2  10.0.0.2: the answer
    3  10.0.0.1: tracker connect
    4  10.0.0.2: text that begins like a header of uTP
    """
    leecher, seed = Address("10.0.0.1", 40000), Address("10.0.0.2", 27000)
    datagram(trace, leecher, seed, PING)
    datagram(trace, seed, leecher, PONG, answer=True)
    datagram(trace, leecher, seed, tracker_connect(1))
    datagram(trace, seed, leecher, b"A quick brown fox jumps over the lazy dog", answer=True)


@capture("utp-large-window")
def large_window(trace):
    """A receive window larger than the built-in dissector accepts: the packets are uTP all the same.

    9  seed: DontHave 9
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 9))
    for packet in trace.packets:        # Ethernet 14, IPv4 20, UDP 8, wnd_size at 12; no UDP checksum
        data = bytearray(packet.data)
        data[40:42] = bytes(2)
        data[54:58] = struct.pack(">I", 0x1000000)
        packet.data = bytes(data)


@capture("utp-closed")
def closed(trace):
    """Packets after the end: a stray ST_STATE, data after ST_FIN, and an ST_RESET with the other side's id.

    9   seed:    DontHave 5
    10  leecher: ST_FIN
    11  seed:    DontHave 6
    12  leecher: ST_RESET with the id that it receives
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.finish()
    peers.seed.send(dont_have(3, 6))
    peers.leecher._packet(RESET, 31000, connection_id=5400)


def dns(transaction, answer):
    """A question for the address of example.org, and the answer."""
    name = b"\x07example\x03org\x00\x00\x01\x00\x01"
    if not answer:
        return struct.pack(">HHHHHH", transaction, 0x0100, 1, 0, 0, 0) + name
    return (struct.pack(">HHHHHH", transaction, 0x8180, 1, 1, 0, 0) + name
            + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x00\x00\x04\xc0\x00\x02\x01")


def stun(kind, attributes=b""):
    """RFC 8489. 0x0101, a Binding success, begins like ST_DATA of version 1 with a selective ACK."""
    return struct.pack(">HHI", kind, len(attributes), 0x2112A442) + bytes(range(12)) + attributes


def rtp(number):
    return struct.pack(">BBHII", 0x80, 0, number, 160 * number, 0x54545454) + b"\xd5" * 160


def quic(noise):
    """The look of an Initial packet of version 1; what is inside is noise."""
    return b"\xc3\x00\x00\x00\x01\x08" + noise.randbytes(8) + b"\x00\x00\x44\xb0" + noise.randbytes(1200)


@capture("other-udp", compressed=True)
def other_udp(trace):
    """UDP that is no uTP, also where it looks like it: nobody may claim it.

    1-2      DNS
    3-6      STUN: Binding request and success, on one port alone, then with an attribute
    7-16     RTP
    17-20    QUIC
    21-22    DHT
    23-24    tracker
    25-44    headers of uTP of every type with data that is not BitTorrent
    45       the handshake of BitTorrent right after the UDP header
    46       the handshake after a header of version 2
    47-246   noise that begins as uTP does
    """
    noise = random.Random(54)
    client, server = ("10.1.0.1", 50123), "10.1.0.2"
    here = Address(*client)
    there = Address(server, 53)
    datagram(trace, here, there, dns(0x0121, False))
    datagram(trace, there, here, dns(0x0121, True), answer=True)
    there = Address(server, 50999)
    for attributes in (b"", b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"):
        datagram(trace, here, there, stun(0x0001))
        datagram(trace, there, here, stun(0x0101, attributes), answer=True)
    there = Address(server, 50998)
    for number in range(10):
        datagram(trace, here, there, rtp(number))
    there = Address(server, 443)
    for number in range(4):
        datagram(trace, here, there, quic(noise))
    there = Address(server, 50997)
    datagram(trace, here, there, PING)
    datagram(trace, there, here, PONG, answer=True)
    there = Address(server, 50996)
    datagram(trace, here, there, tracker_connect(0x21000001))
    datagram(trace, there, here, struct.pack(">II", 0, 0x21000001) + noise.randbytes(8), answer=True)
    header = struct.pack(">HIIIHH", 5400, 1, 2, 0x100000, 700, 1)
    there = Address(server, 50995)
    for number in range(20):
        datagram(trace, here, there, bytes([number % 5 << 4 | 1, 0]) + header + noise.randbytes(4 * number))
    there = Address(server, 50994)
    datagram(trace, here, there, handshake("-LE0001-"))
    datagram(trace, here, there, b"\x02\x00" + header + handshake("-LE0001-"))
    for number in range(200):
        begins = bytes([noise.randrange(5) << 4 | 1, noise.randrange(4)])
        datagram(trace, here, Address(server, 51000 + number), begins + noise.randbytes(noise.randrange(10, 200)))


@capture("utp-overtaken")
def overtaken(trace):
    """The leecher's extension handshake stands before both handshakes. Nobody knows by then that it is BitTorrent.

    4  leecher: extension handshake, sent as the second packet
    5  seed:    handshake
    6  leecher: handshake
    9  seed:    DontHave 9
    """
    peers = start(trace)
    trace.swap(4, 6)
    peers.seed.send(dont_have(3, 9))


@capture("utp-late")
def late(trace):
    """A packet that stands after an ACK that covers it. The seed sent 12, 11 and 9.

    9   seed:    DontHave 7: waits
    10  leecher: ST_STATE, which covers frame 12: it is given up
    11  seed:    the end of DontHave 8, of which nobody knows that it is one, and DontHave 6. DontHave 7 is read after it
    12  seed:    DontHave 5 and the beginning of DontHave 8: all that was missed is complete
    13  seed:    DontHave 9
    14  seed:    frame 12 again
    """
    peers = start(trace)
    cut = dont_have(3, 8)
    first = peers.seed.send(dont_have(3, 5), cut[:7])
    peers.leecher.acknowledge()
    peers.seed.send(cut[7:], dont_have(3, 6))
    last = peers.seed.send(dont_have(3, 7))
    trace.swap(first, last)
    peers.seed.send(dont_have(3, 9))
    trace.repeat(last)


@capture("utp-late-window")
def late_window(trace):
    """A packet that stands after an ACK that covers it, and after all the packets of its sender's window.

    9-108  seed:    the end of a block, 30 bytes a packet, and DontHave 5: all wait
    109    leecher: ST_STATE, which covers them
    110    seed:    DontHave 6: what waits is given up
    111    seed:    the beginning of the block, sent before frame 9. DontHave 5 is complete, and known to be one
    """
    peers = start(trace)
    stream = piece(1, 0, b"\xbe" * 3000) + dont_have(3, 5)
    peers.seed.send(stream[:30])
    first = trace.take_last()
    peers.seed.send_cut(stream[30:], size=30)
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 6))
    trace.add(first, answer=True)
