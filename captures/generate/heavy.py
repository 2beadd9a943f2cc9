"""Captures of any size with what can make a dissector walk the same list for each message: its time must grow with the
size and not with its square. Each is told over `trace.connect`, TCP or uTP."""

from peer_wire import BLOCK, HAVE_ALL, HAVE_NONE, bitfield, dont_have, have, piece, request
from session import PIECES, TO_LEECHER, begin

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
