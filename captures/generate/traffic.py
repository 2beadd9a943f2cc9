"""Traffic of any length to measure with; what is committed as captures tells stories instead."""

import random

from dtls_records import Dtls
from network import UDP, Address, ip_packet, udp_datagram
from peer_wire import (BLOCK, INTERESTED, UNCHOKE, bitfield, dont_have, extension_handshake, handshake, piece, reject,
                       request)
from session import ALL, PIECES, TO_LEECHER, begin
from tcp import TcpConnection

SEGMENT = 1460
SMALL_BLOCK = 1_000
LOST_EVERY = 40     # messages


def one_message_a_packet(trace, packets=20_000):
    """A Request and a block of 1,000 bytes by turns, each in a packet of its own; now and then a piece is lost (Fast)."""
    pieces = packets // 2 // 16 + 1
    peers = begin(trace, fast=True, pieces=range(pieces + packets // 2))
    for number in range(packets // 2):
        index, begins = number // 16, number % 16 * SMALL_BLOCK
        if number % (LOST_EVERY // 2) == LOST_EVERY // 2 - 1:
            lost = pieces + number  # nobody asks for it again
            peers.leecher.send(request(lost, 0, SMALL_BLOCK))
            peers.seed.send(dont_have(TO_LEECHER, lost), reject(lost, 0, SMALL_BLOCK))
        else:
            peers.leecher.send(request(index, begins, SMALL_BLOCK))
            peers.seed.send(piece(index, begins, b"\xbe" * SMALL_BLOCK))


def other_traffic(trace, packets=4000):
    """HTTP on a port that nobody owns, and DNS: no BitTorrent at all."""
    peers = TcpConnection(trace, leecher=("10.0.0.3", 40001), seed=("10.0.0.4", 8080))
    query = bytes.fromhex("123401000001000000000000") + b"\x07example\x03org\x00\x00\x01\x00\x01"
    client, server = Address("10.0.0.5", 5000), Address("10.0.0.6", 53)
    for number in range(packets // 4):
        peers.leecher.send(b"GET /%d HTTP/1.1\r\nHost: example.org\r\n\r\n" % number)
        peers.seed.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
        trace.add(ip_packet(client, server, UDP, udp_datagram(client, server, query)), False)
        trace.add(ip_packet(Address("10.0.0.7", 9999), Address("10.0.0.8", 9998), UDP,
                            udp_datagram(Address("10.0.0.7", 9999), Address("10.0.0.8", 9998), b"\xfe" * 600)), False)


def unknown_connections(trace, connections=10_000):
    """Short connections of protocols that nobody knows, with random payload: half of them over TCP, half over UDP."""
    randomness = random.Random(1)
    for number in range(connections // 2):
        client, server = ("10.1.%d.%d" % divmod(number, 250), 20000 + number), ("10.2.0.1", 27000)
        peers = TcpConnection(trace, leecher=client, seed=server)
        peers.leecher.send(randomness.randbytes(300))
        peers.seed.send(randomness.randbytes(600))
        peers.leecher.send(randomness.randbytes(200))
        for one, other in ((Address(*client), Address(*server)), (Address(*server), Address(*client))):
            trace.add(ip_packet(one, other, UDP, udp_datagram(one, other, randomness.randbytes(400))), False)


def other_dtls(trace, records=6_000):
    """DTLS that is decrypted, and is not WebRTC."""
    dtls = Dtls(trace, Address("10.0.0.9", 40002), Address("10.0.0.10", 40003))
    for number in range(records):
        dtls.send(dtls.client, b"not SCTP %d" % number + b"x" * 100)


def dense(trace, blocks=400, **where):
    """A download at full speed: a Request and a block of 16 KiB by turns, now and then a piece that is lost."""
    peers = begin(trace, fast=True, pieces=range(max(64, blocks // 16 + 1)), **where)
    for number in range(blocks):
        index, begins = number // 16, number % 16 * BLOCK
        peers.leecher.send(request(index, begins))
        if number % 40 == 39:
            peers.seed.send(dont_have(TO_LEECHER, index), reject(index, begins))
        else:
            peers.seed.send_cut(piece(index, begins, b"\xbe" * BLOCK), size=SEGMENT)


def opening(trace):
    """One handshake: what is left of a capture without its packets."""
    peers = TcpConnection(trace)
    peers.leecher.send(handshake("-LE0001-"))


def connections(trace, count, offers=None):
    """Connections one after the other, of which each asks for a block and gets it. `offers`: the ids that their extension
    handshakes give; None: they do not know BEP 10. With lt_donthave among them, a piece is disowned at the end."""
    for number in range(count):
        where = "10.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, 1 + number % 250), 41000 + number % 1000
        peers = trace.connect(trace, leecher=where)
        for peer, name in ((peers.leecher, "-LE0001-"), (peers.seed, "-SE0001-")):
            peer.send(handshake(name, extensions=offers is not None),
                      *([] if offers is None else [extension_handshake(offers)]))
        peers.seed.send(bitfield(ALL, PIECES), UNCHOKE)
        peers.leecher.send(INTERESTED, request(1, 0, SMALL_BLOCK))
        peers.seed.send(piece(1, 0, b"\xbe" * SMALL_BLOCK))
        if "lt_donthave" in (offers or ()):
            peers.seed.send(dont_have(offers["lt_donthave"], 1))
