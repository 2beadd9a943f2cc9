"""Where messages begin and end: no DontHave is lost, and none is counted twice.

Frames 1 to 8 are those of session.py; every DontHave is the seed's, with id 3.
"""

import random

from bencode import encode
from capture import capture
from peer_wire import (BLOCK, INTERESTED, KEEP_ALIVE, bitfield, dont_have, extended, extension_handshake, handshake, have,
                       message, numbers, piece, request)
from session import ALL, LEECHER_IDS, PIECES, SEED_IDS, begin

# Blocks are mostly one byte over and over, so that they compress; none looks like a length prefix or a keep-alive.
FILLING = b"\xbe"


@capture("framing-split")
def split(trace):
    """A DontHave split at each of its nine byte boundaries, over two segments.

    9, 10    the first byte of DontHave 1, then the other nine
    11, 12   the first two bytes of DontHave 2, then the other eight
    ...
    25, 26   the first nine bytes of DontHave 9, then the last
    """
    peers = begin(trace)
    for boundary in range(1, 10):
        peers.seed.send_cut(dont_have(3, boundary), at=[boundary])


@capture("framing-split-after")
def split_after(trace):
    """The same, with a Have in front and a Have after, so that messages end in the middle of segments.

    9, 10    Have 1 and the first byte of DontHave 1; the other nine and Have 1
    ...
    25, 26   Have 9 and the first nine bytes of DontHave 9; the last and Have 9
    """
    peers = begin(trace)
    for boundary in range(1, 10):
        peers.seed.send_cut(have(boundary), dont_have(3, boundary), have(boundary), at=[9 + boundary])


@capture("framing-bytes")
def single_bytes(trace):
    """Two DontHaves, one byte to a segment.

    9-18   DontHave 5
    19-28  DontHave 6
    """
    peers = begin(trace)
    peers.seed.send_cut(dont_have(3, 5), dont_have(3, 6), size=1)


@capture("framing-after-prefix")
def after_prefix(trace):
    """Segments that end right after a length prefix.

    9   Have 1, and the length prefix of DontHave 5
    10  the rest of DontHave 5, DontHave 6, and the length prefix of a Have
    11  the rest of the Have, and DontHave 7
    """
    peers = begin(trace)
    peers.seed.send_cut(have(1), dont_have(3, 5), dont_have(3, 6), have(2), dont_have(3, 7), at=[13, 33])


@capture("framing-first-segment")
def first_segment(trace):
    """The first segment of a side already holds a DontHave, among other messages.

    4   leecher: handshake, extension handshake (lt_donthave is 3)
    5   seed:    handshake, extension handshake (lt_donthave is 7), Bitfield of all, DontHave 1, Have 2
    6   leecher: Interested
    """
    peers = trace.connect(trace)
    peers.leecher.send(handshake("-LE0001-"), extension_handshake(LEECHER_IDS))
    peers.seed.send(handshake("-SE0001-"), extension_handshake(SEED_IDS), bitfield(ALL, PIECES), dont_have(3, 1),
                    have(2))
    peers.leecher.send(INTERESTED)


@capture("framing-forty")
def forty(trace):
    """Forty messages in a segment.

    9   DontHave 0 to 39
    10  leecher: Request 40 to 59
    11  seed: twenty times Have n and DontHave n, n from 40 to 59
    """
    peers = begin(trace)
    peers.seed.send(*(dont_have(3, number) for number in range(40)))
    peers.leecher.send(*(request(number) for number in range(40, 60)))
    peers.seed.send(*(part for number in range(40, 60) for part in (have(number), dont_have(3, number))))


@capture("framing-other-ids")
def other_ids(trace):
    """DontHaves after messages that many programs do not know, and after keep-alives.

    9   id 18 (six bytes), DontHave 1
    10  id 21, Hash Request of BEP 52, DontHave 2
    11  id 22, Hashes, DontHave 3
    12  id 23, Hash Reject, DontHave 4
    13  two keep-alives, DontHave 5, a keep-alive, DontHave 6
    14  id 99, which nobody defined, empty, DontHave 7
    15  id 18 again, 21, 22, 23, DontHave 8: all in one segment
    """
    hashes = bytes(range(32)) + numbers(0, 0, 2, 1)
    unknown = message(18, b"\x01\x02\x03\x04\x05\x06")
    hash_messages = message(21, hashes), message(22, hashes + bytes(range(96))), message(23, hashes)
    peers = begin(trace)
    peers.seed.send(unknown, dont_have(3, 1))
    for number, hash_message in enumerate(hash_messages, 2):
        peers.seed.send(hash_message, dont_have(3, number))
    peers.seed.send(KEEP_ALIVE, KEEP_ALIVE, dont_have(3, 5), KEEP_ALIVE, dont_have(3, 6))
    peers.seed.send(message(99), dont_have(3, 7))
    peers.seed.send(unknown, *hash_messages, dont_have(3, 8))


def metadata_block(size=BLOCK):
    """A data message of ut_metadata (BEP 9), for a leecher that gave it id 2."""
    header = encode({"msg_type": 1, "piece": 0, "total_size": size})
    return extended(2, header + FILLING * size)


@capture("framing-metadata-block", compressed=True)
def after_metadata(trace):
    """DontHaves after 16 KiB of ut_metadata, longer than the built-in dissector thinks a message can be.

    9      ut_metadata and DontHave 5 in one segment, as a capture with segmentation offload has it
    10-21  the same with DontHave 6 in segments of 1460 bytes
    22     DontHave 7
    """
    peers = begin(trace)
    peers.seed.send(metadata_block(), dont_have(3, 5))
    peers.seed.send_cut(metadata_block(), dont_have(3, 6), size=1460)
    peers.seed.send(dont_have(3, 7))


@capture("framing-large-piece", compressed=True)
def after_large_piece(trace):
    """DontHaves after a block of 512 KiB.

    9      leecher: Request 1, 512 KiB
    10-18  seed: the Piece and DontHave 5 in segments of 60,000 bytes
    19     DontHave 6
    20-379 another such Piece and DontHave 7 in segments of 1460 bytes
    380    DontHave 8
    """
    large = piece(1, 0, FILLING * 524288)
    peers = begin(trace)
    peers.leecher.send(request(1, 0, 524288))
    peers.seed.send_cut(large, dont_have(3, 5), size=60000)
    peers.seed.send(dont_have(3, 6))
    peers.seed.send_cut(large, dont_have(3, 7), size=1460)
    peers.seed.send(dont_have(3, 8))


@capture("framing-retransmission")
def retransmission(trace):
    """Bytes that come twice count once.

    9   DontHave 5
    10  frame 9 again
    11  DontHave 6
    12  the last four bytes of DontHave 6 again
    13  frames 9 and 11 again, in one segment
    14  DontHave 7
    15  frames 9, 11 and 14 again, in one segment
    16  DontHave 8
    """
    peers = begin(trace)
    first = peers.seed.send(dont_have(3, 5))
    trace.repeat(first)
    peers.seed.send(dont_have(3, 6))
    peers.seed.send_again(dont_have(3, 6)[6:])
    peers.seed.send_again(dont_have(3, 5), dont_have(3, 6))
    peers.seed.send(dont_have(3, 7))
    peers.seed.send_again(dont_have(3, 5), dont_have(3, 6), dont_have(3, 7))
    peers.seed.send(dont_have(3, 8))


@capture("framing-overlap")
def overlap(trace):
    """Segments that begin with bytes seen before and go on with new ones. TCP hands on the new ones only when told
    to reassemble out of order.

    9   DontHave 5
    10  DontHave 5 again and DontHave 6 in one segment
    11  the last four bytes of DontHave 6 again, and DontHave 7
    12  DontHave 8
    """
    peers = begin(trace)
    peers.seed.send(dont_have(3, 5))
    peers.seed.skip(dont_have(3, 6))
    peers.seed.send_again(dont_have(3, 5), dont_have(3, 6))
    peers.seed.skip(dont_have(3, 7))
    peers.seed.send_again(dont_have(3, 6)[6:], dont_have(3, 7))
    peers.seed.send(dont_have(3, 8))


@capture("framing-out-of-order")
def out_of_order(trace):
    """Segments that arrive in another order than sent; for -o tcp.reassemble_out_of_order:TRUE.

    9      DontHave 1
    10     DontHave 3 ahead of DontHave 2
    11     DontHave 2
    12     DontHave 4
    13-15  DontHave 5, in segments of 4, 3 and 3 bytes: the last first, then the first, then the middle
    16     DontHave 6
    """
    peers = begin(trace)
    for number in range(1, 5):
        peers.seed.send(dont_have(3, number))
    trace.swap(10, 11)
    peers.seed.send_cut(dont_have(3, 5), at=[4, 7])
    trace.swap(13, 15)
    trace.swap(14, 15)
    peers.seed.send(dont_have(3, 6))


def blocks_and_dont_haves(trace):
    """What the captures without reassembly and with a short snaplen look at. The extension handshakes are short, too.

    9      DontHave 1, DontHave 2
    10-12  Piece of 4,000 bytes in segments of 1460; the last has 1,093 bytes of it
    13     DontHave 3
    14-16  Piece of 2,922 bytes and DontHave 4: the last segment has 15 bytes of the block before the DontHave
    17     Have 4, DontHave 5, Have 5
    18-20  Piece of 4,000 bytes and DontHave 6: the last segment has 1,093 bytes of the block before the DontHave
    21     DontHave 7
    """
    peers = begin(trace, leecher_ids={"lt_donthave": 3}, seed_ids={"lt_donthave": 7})
    peers.seed.send(dont_have(3, 1), dont_have(3, 2))
    peers.seed.send_cut(piece(20, 0, FILLING * 4000), size=1460)
    peers.seed.send(dont_have(3, 3))
    peers.seed.send_cut(piece(21, 0, FILLING * 2922), dont_have(3, 4), size=1460)
    peers.seed.send(have(4), dont_have(3, 5), have(5))
    peers.seed.send_cut(piece(22, 0, FILLING * 4000), dont_have(3, 6), size=1460)
    peers.seed.send(dont_have(3, 7))


@capture("framing-no-reassembly", compressed=True)
def no_reassembly(trace):
    blocks_and_dont_haves(trace)


@capture("framing-snaplen")
def snaplen(trace):
    """As framing-no-reassembly, cut to 96 bytes a packet: 42 bytes of payload. DontHave 6 is after the cut."""
    blocks_and_dont_haves(trace)
    trace.cut(96)


GAPS_SEED = 54
GAPS_ROUNDS = 60


def gaps_lost(frames):
    """The 3 % of the frames after the beginning that were not captured."""
    return sorted(random.Random(GAPS_SEED).sample(range(9, frames + 1), round(frames * 0.03)))


@capture("framing-gaps", compressed=True)
def gaps(trace):
    """3 % of the packets are missing; every DontHave whose segment is there is found.

    In each round n of sixty, before the loss:
        leecher: Request of 8 KiB
        seed: the Piece, in six segments of 1460 bytes
        seed: DontHave n
        leecher: Interested
    Then frames are taken out by a seeded random generator, from all but the first eight.
    """
    peers = begin(trace)
    for number in range(GAPS_ROUNDS):
        peers.leecher.send(request(number, 0, 8192))
        peers.seed.send_cut(piece(number, 0, FILLING * 8192), size=1460)
        peers.seed.send(dont_have(3, number))
        peers.leecher.send(INTERESTED)
    trace.drop(gaps_lost(len(trace.packets)))


def gaps_found():
    """The pieces whose DontHave is left in framing-gaps: frame 16 of the first round, then every ninth."""
    lost = gaps_lost(8 + 9 * GAPS_ROUNDS)
    return [number for number in range(GAPS_ROUNDS) if 9 + 9 * number + 7 not in lost]


@capture("framing-gap-zeros", compressed=True)
def gap_zeros(trace):
    """A gap in a block of zeros, which looks like keep-alives from any byte on.

    9      leecher: Request 1, 8192 bytes
    10-14  seed:    the Piece in six segments, of which the first is missing; the last has 905 bytes, so that steps of
                    four bytes do not meet its end
    15     seed:    DontHave 1
    16     leecher: Request 2, 8192 bytes
    17-21  seed:    the Piece, its first segment missing again
    22     seed:    DontHave 2, DontHave 3
    """
    peers = begin(trace)
    for number, disowned in ((1, [1]), (2, [2, 3])):
        peers.leecher.send(request(number, 0, 8192))
        peers.seed.send_cut(piece(number, 0, bytes(8192)), size=1460)
        peers.seed.send(*(dont_have(3, other) for other in disowned))
    trace.drop((10, 18))
