"""Captures of any size with what can make a dissector walk the same list for each message: its time must grow with the
size and not with its square. Each is told over `trace.connect`, TCP or uTP."""

import struct

from network import ip_in_ip_in_udp
from peer_wire import (BLOCK, HAVE_ALL, HAVE_NONE, KEEP_ALIVE, bitfield, dont_have, extended, extension_handshake, handshake,
                       have, message, numbers, piece, reject, request)
from session import LEECHER_IDS, PIECES, SEED_IDS, TO_LEECHER, begin
from tcp import TcpConnection
from utp import UtpConnection

# Bytes: nearly as large as uTP's packets over loopback can be, and a multiple of the sizes of the messages below (5, 10, 17 and
# 29 bytes). Else a packet here and there would begin with a message by chance, and Wireshark, which does not put uTP together,
# would show thousands of messages there, in stock as well: in a capture of four times as many messages, but not in the small one.
PACKET = 59_160
SMALL_BLOCK = 16    # bytes

DISOWNED = 5


def stream(peer, messages):
    """The messages as full packets; return their frames."""
    data = b"".join(messages)
    return [peer.send(data[at:at + PACKET]) for at in range(0, len(data), PACKET)]


def all_in_one_frame(trace, peer, messages):
    """The messages as full packets, of which the first comes last: so all of them are complete there; return that frame."""
    data = b"".join(messages)
    peer.send(data[:3])
    packet = trace.take_last()
    stream(peer, [data[3:]])
    return trace.add(packet, peer.answer)


def dont_haves_in_one_frame(trace, count):
    peers = begin(trace, fast=True)
    return all_in_one_frame(trace, peers.seed, [dont_have(TO_LEECHER, number) for number in range(count)])


def dont_haves_for_one_piece(trace, count):
    peers = begin(trace, fast=True)
    return stream(peers.seed, [dont_have(TO_LEECHER, DISOWNED)] * count)[-1]


def have_nones_after_dont_haves(trace, count):
    peers = begin(trace, fast=True)
    stream(peers.seed, [dont_have(TO_LEECHER, number) for number in range(count)])
    return stream(peers.seed, [HAVE_NONE] * count)[-1]


def bitfields_after_dont_haves(trace, count):
    """None of the Bitfields has a piece that was disowned."""
    peers = begin(trace)
    stream(peers.seed, [dont_have(TO_LEECHER, PIECES + number) for number in range(count)])
    return stream(peers.seed, [bitfield(range(PIECES), PIECES)] * count)[-1]


def have_nones_after_sparse_haves(trace, count):
    """Pieces so far apart that they have nothing in common, whatever a set of pieces is kept in."""
    peers = begin(trace, fast=True)
    stream(peers.seed, [have(number << 18) for number in range(4096)])
    return stream(peers.seed, [HAVE_NONE] * count)[-1]


def dont_haves_after_requests(trace, count):
    """Requests for one piece, and as many DontHaves for it: the first one invalidates them all."""
    peers = begin(trace)
    stream(peers.leecher, [request(DISOWNED, BLOCK * number) for number in range(count)])
    return stream(peers.seed, [dont_have(TO_LEECHER, DISOWNED)] * count)[-1]


def late_requests_in_one_frame(trace, count):
    peers = begin(trace)
    peers.seed.send(dont_have(TO_LEECHER, DISOWNED))
    return all_in_one_frame(trace, peers.leecher, [request(DISOWNED, BLOCK * number) for number in range(count)])


def late_blocks_in_one_frame(trace, count):
    peers = begin(trace)
    peers.seed.send(dont_have(TO_LEECHER, DISOWNED))
    return all_in_one_frame(trace, peers.seed, [piece(DISOWNED, BLOCK * number, b"\xbe" * SMALL_BLOCK)
                                               for number in range(count)])


def one_byte_a_packet(trace, count):
    """A block in so many packets."""
    peers = begin(trace)
    return peers.seed.send_cut(piece(0, 0, b"\xbe" * (count - 13)), size=1)


def have_all_after_dont_haves(trace, count):
    """One message that takes so many DontHaves back."""
    peers = begin(trace, fast=True)
    stream(peers.seed, [dont_have(TO_LEECHER, number) for number in range(count)])
    return peers.seed.send(HAVE_ALL)


def requests_without_answer(trace, count):
    """Requests, 64 for each piece, and nothing else; then a DontHave of the first piece and one of the last: return their
    frames."""
    peers = begin(trace)
    stream(peers.leecher, [request(number // 64, number % 64 * BLOCK) for number in range(count)])
    return [peers.seed.send(dont_have(TO_LEECHER, index)) for index in (0, (count - 1) // 64)]


def storm(trace, count):
    """DontHaves of a piece each, and nothing else; return their frames."""
    peers = begin(trace)
    return stream(peers.seed, [dont_have(TO_LEECHER, number) for number in range(count)])


def seen_from(peers, number):
    """Both sides of a connection say all at once: two packets, in the second a DontHave of the piece `number`."""
    peers.leecher.send(handshake("-LE0001-"), extension_handshake(LEECHER_IDS))
    return peers.seed.send(handshake("-SE0001-"), extension_handshake(SEED_IDS), dont_have(TO_LEECHER, number))


def tcp_connections(trace, count):
    """Connections of two packets each, whose SYNs were not captured. Port 40000 is SAP's in Wireshark 4.4."""
    for number in range(count):
        leecher = "10.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, 1 + number % 250), 41000 + number % 1000
        seen_from(TcpConnection(trace, leecher=leecher, opened=False), number)


def utp_connections(trace, count):
    """Connections of two packets each, one after the other and on the same ports; none is closed."""
    for number in range(count):
        seen_from(UtpConnection(trace, opened=False, connection_id=2 * number % 65536), number)


def utp_connections_closed(trace, count):
    """The same, each with its ST_SYN and closed before the next one begins."""
    for number in range(count):
        peers = UtpConnection(trace, connection_id=2 * number % 65536)
        seen_from(peers, number)
        peers.leecher.finish()


def large_extension_handshakes(trace, count, size=1 << 20):
    """Each of `size` bytes, most of them a string; after them a DontHave."""
    peers = begin(trace)
    for _ in range(count):
        stream(peers.leecher, [extension_handshake(LEECHER_IDS, v=b"x" * size)])
    return peers.seed.send(dont_have(TO_LEECHER, DISOWNED))


def many_names(trace, count):
    """One extension handshake with so many names of extensions, lt_donthave the first of them; then a DontHave."""
    peers = begin(trace)
    names = {f"{'lt_donthave' if number == 0 else f'name_{number:06}'}": TO_LEECHER for number in range(count)}
    stream(peers.leecher, [extension_handshake(names)])
    return peers.seed.send(dont_have(TO_LEECHER, DISOWNED))


def large_bitfields(trace, count, pieces=1 << 20):
    """Connections, on each of which both sides have every second piece of so many; and a DontHave of the last one."""
    every_second = message(5, b"\x55" * (pieces // 8))
    for number in range(count):
        peers = TcpConnection(trace, leecher=("10.1.%d.%d" % divmod(number, 250), 41000), opened=False)
        peers.leecher.send(handshake("-LE0001-"), extension_handshake(LEECHER_IDS))
        peers.seed.send(handshake("-SE0001-"), extension_handshake(SEED_IDS))
        stream(peers.seed, [every_second, dont_have(TO_LEECHER, pieces - 1)])


def in_one_segment(trace, peer, messages):
    """As a network card is handed what it has yet to cut (TSO): the header of IPv4 says no length. Return the frame."""
    data = b"".join(messages)
    peer.send(data[:1])
    packet = bytearray(trace.take_last())
    peer.skip(data[1:])
    packet[2:4] = bytes(2)
    return trace.add(bytes(packet) + data[1:], peer.answer)


def dont_haves_in_one_segment(trace, count):
    return in_one_segment(trace, begin(trace).seed, [dont_have(TO_LEECHER, number) for number in range(count)])


def messages_in_one_segment(trace, count):
    """Keep-alives, and a DontHave."""
    return in_one_segment(trace, begin(trace).seed, [*[KEEP_ALIVE] * count, dont_have(TO_LEECHER, DISOWNED)])


def leecher_of(number):
    """Endpoint of a connection of its own."""
    return "10.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, 1 + number % 250), 41000


def lengths_that_overflow(trace, count):
    """Connections, on each of which a message is longer than all numbers, and what follows looks like messages."""
    for number in range(count):
        peers = begin(trace, leecher=leecher_of(number))
        peers.seed.send(dont_have(TO_LEECHER, 5), struct.pack(">IBB", (1 << 32) - 1 - number % 5, 20, TO_LEECHER) + numbers(6))
        for _ in range(3):
            peers.seed.send(b"\xff" * 200)


def strings_longer_than_all(trace, count):
    """Extension handshakes on one connection, in each of which a string is longer than the message."""
    peers = begin(trace)
    for number in range(count):
        peers.leecher.send(extended(0, b"d1:md11:lt_donthavei9ee1:v%d:xe" % ((1 << 32) - 1 + number)))
    return peers.seed.send(dont_have(9, DISOWNED))


def the_last_numbers(trace, count):
    """Requests, DontHaves and answers with numbers of 2^32 - 1 and a little less."""
    peers, last = begin(trace, fast=True), (1 << 32) - 1
    for number in range(count):
        peers.leecher.send(request(last - number % 7, last - number, last))
        peers.seed.send(have(last - number % 7), dont_have(TO_LEECHER, last - number % 7), reject(last - number % 7, last - number, last))


def cut_frames(trace, count):
    """Connections, on each of which a frame with several messages was cut at another byte."""
    parts = b"".join([have(1), dont_have(TO_LEECHER, 5), reject(5), dont_have(TO_LEECHER, 6), piece(7), dont_have(TO_LEECHER, 8)])
    for number in range(count):
        peers = begin(trace, fast=True, leecher=leecher_of(number))
        peers.leecher.send(request(5), request(6))
        packet = trace.packets[peers.seed.send(parts) - 1]
        packet.data = packet.data[:len(packet.data) - 1 - number * 7 % len(parts)]
        peers.seed.send(dont_have(TO_LEECHER, 9))


def in_and_out_of_a_tunnel(trace, count):
    """Requests and DontHaves, a packet each, each captured once by itself and once as IP in IP in UDP."""
    peers = begin(trace)
    for number in range(count):
        peers.leecher.send(request(number % PIECES))
        peers.seed.send(dont_have(TO_LEECHER, number % PIECES))
    plain, trace.packets = trace.packets, []
    trace.link, ethernet = ip_in_ip_in_udp, trace.link
    for packet in plain:
        trace.packets.append(packet)
        trace.add(packet.data[len(ethernet(b"E", False)) - 1:], False)
