"""Which requests a DontHave invalidated: one capture for each rule, and for what the rules meet in the field.

Frames 1 to 8 are those of session.py unless a capture says otherwise; the seed offers all 64 pieces, and writes DontHave
with id 3. "Request 5/0" is for piece 5 from byte 0, 16 KiB unless a length follows. Most stories are told twice, over TCP
and over uTP.
"""

from capture import capture
from peer_wire import (BLOCK, CHOKE, HAVE_ALL, HAVE_NONE, INTERESTED, UNCHOKE, bitfield, cancel, dont_have,
                       extension_handshake, have, piece, reject, request)
from session import ALL, LEECHER_IDS, PIECES, SEED_IDS, begin, negotiate, offer, shake_hands
from tcp import TcpConnection
from utp import UtpConnection


@capture("ledger-no-fast", also_utp=True)
def no_fast(trace):
    """Without Fast the requests are dropped.

    9   leecher: Request 5/0, Request 5/16384
    10  leecher: Request 6/0
    11  seed:    DontHave 5: two requests
    12  seed:    Piece 6/0
    13  seed:    DontHave 6: none
    14  leecher: Request 7/0
    15  leecher: Request 7/16384
    16  seed:    DontHave 7: two requests
    """
    peers = begin(trace)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.leecher.send(request(6))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(piece(6))
    peers.seed.send(dont_have(3, 6))
    peers.leecher.send(request(7))
    peers.leecher.send(request(7, BLOCK))
    peers.seed.send(dont_have(3, 7))


@capture("ledger-fast", also_utp=True)
def fast(trace):
    """With Fast each invalidated request awaits its Reject.

    9   leecher: Request 5/0, Request 5/16384
    10  leecher: Request 6/0
    11  seed:    DontHave 5: two requests
    12  seed:    Reject 5/16384
    13  seed:    Reject 5/0
    14  seed:    DontHave 6: one request
    15  seed:    Piece 6/0, which ends the wait
    16  leecher: Request 7/0, Request 7/16384, Request 8/0
    17  seed:    Reject 7/0, which answers an outstanding request
    18  seed:    DontHave 7: one request
    19  seed:    Reject 8/0, Reject 7/16384: only the second answers an invalidated request
    """
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.leecher.send(request(6))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5, BLOCK))
    peers.seed.send(reject(5))
    peers.seed.send(dont_have(3, 6))
    peers.seed.send(piece(6))
    peers.leecher.send(request(7), request(7, BLOCK), request(8))
    peers.seed.send(reject(7))
    peers.seed.send(dont_have(3, 7))
    peers.seed.send(reject(8), reject(7, BLOCK))


@capture("ledger-one-sided-fast", also_utp=True)
def one_sided_fast(trace):
    """Only the leecher has the Fast bit: Fast is not negotiated.

    9   leecher: Request 5/0
    10  seed:    DontHave 5: one request
    """
    peers = trace.connect(trace)
    shake_hands(peers, fast=True, seed_fast=False)
    peers.leecher.send(extension_handshake(LEECHER_IDS), INTERESTED)
    peers.seed.send(extension_handshake(SEED_IDS))
    peers.seed.send(bitfield(ALL, PIECES), UNCHOKE)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))


@capture("ledger-unrejected", also_utp=True)
def unrejected(trace):
    """With Fast, of three invalidated requests one is answered by a Reject, one by a Piece, and one never.

    9   leecher: Request 5/0, Request 5/16384, Request 5/32768
    10  seed:    DontHave 5: three requests
    11  seed:    Reject 5/0
    12  seed:    Piece 5/16384
    13-32       leecher: Request n, seed: Piece n, n from 10 to 19, so that the end is a second away
    """
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(5, BLOCK), request(5, 2 * BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5))
    peers.seed.send(piece(5, BLOCK))
    for number in range(10, 20):
        trace.wait(0.1)
        peers.leecher.send(request(number))
        peers.seed.send(piece(number))


@capture("ledger-asked-twice", also_utp=True)
def asked_twice(trace):
    """The same block asked for again replaces the older request, whatever its length.

    9   leecher: Request 5/0
    10  leecher: Request 5/0, 8192 bytes
    11  seed:    DontHave 5: one request, of frame 10
    12  leecher: Request 6/0, Request 6/0
    13  seed:    DontHave 6: one request
    14  leecher: Request 7/0
    15  leecher: Request 7/0
    16  seed:    Piece 7/0
    17  seed:    DontHave 7: none
    """
    peers = begin(trace)
    peers.leecher.send(request(5))
    peers.leecher.send(request(5, 0, 8192))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(6), request(6))
    peers.seed.send(dont_have(3, 6))
    peers.leecher.send(request(7))
    peers.leecher.send(request(7))
    peers.seed.send(piece(7))
    peers.seed.send(dont_have(3, 7))


@capture("ledger-lengths", also_utp=True)
def lengths(trace):
    """Requests of any length; their sum needs more than 32 bits.

    9   leecher: Request 5/0, 0xffffffff bytes; Request 5/1, 0xffffffff bytes; Request 5/2, 0 bytes
    10  seed:    DontHave 5: three requests, 8589934590 bytes
    11  leecher: Request 6/4294967295, 1 byte
    12  seed:    DontHave 6: one request, 1 byte
    """
    peers = begin(trace)
    peers.leecher.send(request(5, 0, 0xFFFFFFFF), request(5, 1, 0xFFFFFFFF), request(5, 2, 0))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(6, 0xFFFFFFFF, 1))
    peers.seed.send(dont_have(3, 6))


@capture("ledger-answered", also_utp=True)
def answered(trace):
    """Piece and Cancel end a request.

    9   leecher: Request 5/0, Request 5/16384, Request 5/32768
    10  seed:    Piece 5/0
    11  leecher: Cancel 5/16384
    12  seed:    DontHave 5: one request
    13  leecher: Request 6/0, Request 6/16384
    14  leecher: Cancel 6/0, Cancel 6/16384
    15  seed:    DontHave 6: none
    """
    peers = begin(trace)
    peers.leecher.send(request(5), request(5, BLOCK), request(5, 2 * BLOCK))
    peers.seed.send(piece(5))
    peers.leecher.send(cancel(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(6), request(6, BLOCK))
    peers.leecher.send(cancel(6), cancel(6, BLOCK))
    peers.seed.send(dont_have(3, 6))


@capture("ledger-wrong-answers", also_utp=True)
def wrong_answers(trace):
    """Other blocks, other pieces and the other side's messages end nothing.

    9   leecher: Request 5/0
    10  seed:    Piece 6/0, Piece 5/16384
    11  leecher: Piece 5/0, Reject 5/0, Choke: the leecher's, which answer requests of the seed
    12  seed:    Cancel 5/0: of a request of the seed
    13  seed:    DontHave 5: one request
    """
    peers = begin(trace)
    peers.leecher.send(request(5))
    peers.seed.send(piece(6), piece(5, BLOCK))
    peers.leecher.send(piece(5), reject(5), CHOKE)
    peers.seed.send(cancel(5))
    peers.seed.send(dont_have(3, 5))


@capture("ledger-choke-no-fast", also_utp=True)
def choke_no_fast(trace):
    """Without Fast a Choke ends all requests.

    9   leecher: Request 5/0, Request 6/0
    10  seed:    Choke
    11  seed:    DontHave 5: none
    12  seed:    Unchoke
    13  leecher: Request 6/16384
    14  seed:    DontHave 6: one request
    """
    peers = begin(trace)
    peers.leecher.send(request(5), request(6))
    peers.seed.send(CHOKE)
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(UNCHOKE)
    peers.leecher.send(request(6, BLOCK))
    peers.seed.send(dont_have(3, 6))


@capture("ledger-choke-fast", also_utp=True)
def choke_fast(trace):
    """With Fast a Choke ends none; neither the outstanding requests nor those that await a Reject.

    9   leecher: Request 5/0, Request 6/0
    10  seed:    Choke
    11  seed:    DontHave 5: one request
    12  seed:    Choke, Unchoke
    13  seed:    Reject 5/0
    14  seed:    Reject 6/0
    15  seed:    DontHave 6: none
    """
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(6))
    peers.seed.send(CHOKE)
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(CHOKE, UNCHOKE)
    peers.seed.send(reject(5))
    peers.seed.send(reject(6))
    peers.seed.send(dont_have(3, 6))


@capture("ledger-second", also_utp=True)
def second(trace):
    """A second DontHave for a piece invalidates what was asked for after the first, and nothing twice.

    9   leecher: Request 5/0
    10  seed:    DontHave 5: one request
    11  seed:    DontHave 5: none
    12  leecher: Request 5/16384, late since frame 10
    13  seed:    DontHave 5: one request
    14  leecher: Request 5/32768, late since frame 10
    15  seed:    Have 5
    16  seed:    DontHave 5: one request
    17  leecher: Request 5/0, late since frame 16
    """
    peers = begin(trace)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5, 2 * BLOCK))
    peers.seed.send(have(5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5))


@capture("ledger-second-fast", also_utp=True)
def second_fast(trace):
    """With Fast a second DontHave leaves those alone that await their Reject.

    9   leecher: Request 5/0, Request 5/16384
    10  seed:    DontHave 5: two requests
    11  seed:    Reject 5/0, DontHave 5: none
    12  seed:    Reject 5/16384, DontHave 5: none
    """
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5), dont_have(3, 5))
    peers.seed.send(reject(5, BLOCK), dont_have(3, 5))


@capture("ledger-reannounced", also_utp=True)
def reannounced(trace):
    """Have, Bitfield and Have All take DontHaves back; Have None and a Bitfield without the piece do not.

    9   seed:    DontHave 5, 6, 7, 8, 9
    10  seed:    DontHave 5
    11  seed:    Have 5: takes 5 back, which frame 9 disowned
    12  seed:    Have 5: takes nothing back
    13  seed:    Have None: takes nothing back
    14  seed:    Bitfield of all but 8 and 9: takes 6 and 7 back
    15  seed:    Have All: takes 8 and 9 back
    16  leecher: Request 5/0, 6/0, 7/0, 8/0, 9/0: none is late
    """
    peers = begin(trace, fast=True)
    peers.seed.send(*(dont_have(3, number) for number in range(5, 10)))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(have(5))
    peers.seed.send(have(5))
    peers.seed.send(HAVE_NONE)
    peers.seed.send(bitfield(set(ALL) - {8, 9}, PIECES))
    peers.seed.send(HAVE_ALL)
    peers.leecher.send(*(request(number) for number in range(5, 10)))


@capture("ledger-reannounced-many", also_utp=True)
def reannounced_many(trace):
    """A Bitfield takes sixty back, from several frames; then a Have All does.

    9   seed:    DontHave 0 to 19
    10  seed:    DontHave 20 to 59
    11  seed:    Bitfield of all
    12  seed:    DontHave 0 to 2
    13  seed:    Have All
    """
    peers = begin(trace, fast=True)
    peers.seed.send(*(dont_have(3, number) for number in range(20)))
    peers.seed.send(*(dont_have(3, number) for number in range(20, 60)))
    peers.seed.send(bitfield(ALL, PIECES))
    trace.wait(2)
    peers.seed.send(*(dont_have(3, number) for number in range(3)))
    peers.seed.send(HAVE_ALL)


def late_messages(trace, first):
    """What ledger-late and its two relatives share.

    9   seed:    DontHave 5
    10  leecher: Request 5/0, which does not acknowledge frame 9: crossed
    11  leecher: Request 5/16384, which acknowledges nine of the ten bytes of frame 9: crossed
    12  leecher: Request 5/32768, which acknowledges frame 9
    13  seed:    Piece 5/0: late
    14  seed:    DontHave 5, again: two requests
    15  leecher: Request 5/49152, which acknowledges frame 9 but not frame 14: not crossed
    16  seed:    Have 5
    17  seed:    DontHave 5: one request
    18  leecher: Request 5/65536, which acknowledges frame 14 but not frame 17: crossed
    19  leecher: Request 5/65536, which acknowledges all
    20  seed:    Piece 5/65536: late
    """
    peers = begin(trace, first=first)
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)
    peers.leecher.send(request(5, BLOCK), acknowledging=(before + 9) % (1 << 32))
    peers.leecher.send(request(5, 2 * BLOCK))
    peers.seed.send(piece(5))
    before_second = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5, 3 * BLOCK), acknowledging=before_second)
    peers.seed.send(have(5))
    before_third = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5, 4 * BLOCK), acknowledging=before_third)
    peers.leecher.send(request(5, 4 * BLOCK))
    peers.seed.send(piece(5, 4 * BLOCK))


@capture("ledger-late")
def late(trace):
    late_messages(trace, (1000, 5000))


# What the seed has sent when DontHave 5 begins: SYN, handshake, extension handshake, Bitfield and Unchoke.
BEFORE_FRAME_9 = 1 + 68 + 93 + 18


@capture("ledger-late-wrap")
def late_wrap(trace):
    """As ledger-late; the seed's sequence number passes 2^32 in the middle of frame 9."""
    late_messages(trace, (1000, (1 << 32) - BEFORE_FRAME_9 - 5))


@capture("ledger-late-wrap-behind")
def late_wrap_behind(trace):
    """As ledger-late; the last byte of frame 9 has number 2^32 - 1, so that frame 12 acknowledges 0."""
    late_messages(trace, (1000, (1 << 32) - BEFORE_FRAME_9 - 10))


@capture("ledger-late-split")
def late_split(trace):
    """DontHave and Requests in two segments each: what counts is the end of the one and the last segment of the other.

    9, 10   seed:    DontHave 5, its first five bytes and its last five
    11      leecher: nine bytes of Request 5/0, which acknowledge frame 9
    12      leecher: the rest, which acknowledges frame 10: not crossed
    13      leecher: nine bytes of Request 5/16384, which acknowledge frame 10
    14      leecher: the rest, which acknowledges frame 9 only: crossed, by the segment that completes it
    """
    peers = begin(trace)
    before = peers.seed.seq
    peers.seed.send_cut(dont_have(3, 5), at=[5])
    for begin_at, ends in ((0, (before + 5, before + 10)), (BLOCK, (before + 10, before + 5))):
        message = request(5, begin_at)
        peers.leecher.send(message[:9], acknowledging=ends[0])
        peers.leecher.send(message[9:], acknowledging=ends[1])


@capture("ledger-late-fast", also_utp=True)
def late_fast(trace):
    """With Fast: asking again ends the wait, and the Reject that comes then answers the new request.

    9   leecher: Request 5/0
    10  seed:    DontHave 5: one request
    11  leecher: Request 5/0 again, late
    12  seed:    Reject 5/0
    13  leecher: Request 5/0 again, late
    14  seed:    DontHave 5: one request
    15  leecher: Cancel 5/0, which does not end the wait
    16  seed:    Reject 5/0, which answers frame 13
    """
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5))
    peers.seed.send(reject(5))
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(cancel(5))
    peers.seed.send(reject(5))


@capture("ledger-both-ways", also_utp=True)
def both_ways(trace):
    """Both sides have pieces, both ask, both send DontHave, for the same piece and block.

    9   leecher: Bitfield of all, Unchoke
    10  leecher: Request 5/0
    11  seed:    Request 5/0, Request 6/0
    12  seed:    DontHave 5 with id 3: the leecher's request
    13  leecher: DontHave 5 with id 7: one of the seed's requests
    14  seed:    Request 5/16384, late
    15  leecher: Request 5/16384, late
    16  seed:    Have 5
    17  leecher: Piece 5/0, late; Piece 6/0
    18  seed:    Piece 5/16384, not late
    19  leecher: DontHave 6 with id 7: none
    """
    peers = begin(trace)
    peers.leecher.send(bitfield(ALL, PIECES), UNCHOKE)
    peers.leecher.send(request(5))
    peers.seed.send(request(5), request(6))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(dont_have(7, 5))
    peers.seed.send(request(5, BLOCK))
    peers.leecher.send(request(5, BLOCK))
    peers.seed.send(have(5))
    peers.leecher.send(piece(5), piece(6))
    peers.seed.send(piece(5, BLOCK))
    peers.leecher.send(dont_have(7, 6))


@capture("ledger-interleaved", also_utp=True)
def interleaved(trace):
    """Twenty connections, packet by packet in turn; all ask for the same blocks. For connection n (0 to 19):

    1-160    session.py, connection by connection
    161+n    leecher: Request 5/0, Request 5/16384, Request n/32768
    181+n    seed:    Piece 5/0, only if n is odd
    201+n    seed:    DontHave 5
    """
    connections = [begin(trace, leecher=(f"10.0.1.{number + 1}", 40000)) for number in range(20)]
    for number, peers in enumerate(connections):
        peers.leecher.send(request(5), request(5, BLOCK), request(number, 2 * BLOCK))
    for number, peers in enumerate(connections):
        peers.seed.send(piece(5) if number % 2 else piece(63))
    for number, peers in enumerate(connections):
        peers.seed.send(dont_have(3, 5))


@capture("ledger-forty", also_utp=True)
def forty(trace):
    """Forty messages in a frame keep forty records.

    9   leecher: Request n/0 for n from 0 to 39
    10  leecher: Request n/16384 for even n from 0 to 38
    11  seed:    DontHave n for n from 0 to 39: two requests for even n, one for odd n
    12  leecher: Request n/0 for n from 0 to 39: all late
    13  seed:    Have n for n from 0 to 19, Piece n/0 for n from 20 to 39: all taken back, all late
    """
    peers = begin(trace)
    peers.leecher.send(*map(request, range(40)))
    peers.leecher.send(*(request(number, BLOCK) for number in range(0, 40, 2)))
    peers.seed.send(*(dont_have(3, number) for number in range(40)))
    peers.leecher.send(*map(request, range(40)))
    peers.seed.send(*map(have, range(20)), *map(piece, range(20, 40)))


@capture("ledger-early-requests", also_utp=True)
def early_requests(trace):
    """Requests before the extension handshakes count.

    4-5 handshakes
    6   seed:    Bitfield, Unchoke
    7   leecher: Interested, Request 5/0, Request 6/0
    8   seed:    Piece 6/0
    9   seed:    extension handshake, lt_donthave 7
    10  leecher: extension handshake, lt_donthave 3
    11  seed:    DontHave 5: one request
    12  seed:    DontHave 6: none
    """
    peers = trace.connect(trace)
    shake_hands(peers)
    peers.seed.send(bitfield(ALL, PIECES), UNCHOKE)
    peers.leecher.send(INTERESTED, request(5), request(6))
    peers.seed.send(piece(6))
    peers.seed.send(extension_handshake(SEED_IDS))
    peers.leecher.send(extension_handshake(LEECHER_IDS))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 6))


@capture("ledger-from-the-middle")
def from_the_middle(trace):
    """A capture that begins in the middle, for fallback_id 3, on port 6881: what was asked for before is not known.

    1   seed:    Piece 4/0
    2   leecher: Request 5/0
    3   seed:    DontHave 5: one request
    4   seed:    DontHave 6: none that was seen
    5   leecher: Request 6/0, late
    6   seed:    Piece 6/16384, late
    7   seed:    Have 6
    """
    peers = TcpConnection(trace, opened=False, leecher=("10.0.0.1", 40003), seed=("10.0.0.2", 6881))
    peers.seed.send(piece(4))
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 6))
    peers.leecher.send(request(6))
    peers.seed.send(piece(6, BLOCK))
    peers.seed.send(have(6))


def one_side(trace, kept):
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5), reject(5, BLOCK))
    peers.leecher.send(request(5))
    peers.seed.send(piece(5))
    peers.seed.send(have(5))
    dropped = {"seed": (1, 3, 4, 6, 9, 12), "leecher": (2, 5, 7, 8, 10, 11, 13, 14)}
    trace.drop(dropped[kept])


@capture("ledger-seed-only")
def seed_only(trace):
    """Only the seed's packets were captured, for fallback_id 3: what they answer was not.

    1  SYN and ACK
    2  handshake
    3  extension handshake
    4  Bitfield, Unchoke
    5  DontHave 5: no request that was seen
    6  Reject 5/0, Reject 5/16384
    7  Piece 5/0, late
    8  Have 5: takes 5 back
    """
    one_side(trace, "seed")


@capture("ledger-leecher-only")
def leecher_only(trace):
    """Only the leecher's packets were captured: requests, and nothing that happened to them.

    1  SYN
    2  ACK
    3  handshake
    4  extension handshake, Interested
    5  Request 5/0, Request 5/16384
    6  Request 5/0
    """
    one_side(trace, "leecher")


@capture("ledger-other-lengths", also_utp=True)
def not_four_bytes(trace):
    """A DontHave whose payload is not four bytes changes no state.

    9   leecher: Request 5/0
    10  seed:    DontHave 5 with a fifth byte
    11  seed:    Piece 5/0, not late
    12  leecher: Request 5/16384, not late
    13  seed:    DontHave 5: one request
    """
    peers = begin(trace)
    peers.leecher.send(request(5))
    peers.seed.send(b"\x00\x00\x00\x07" + dont_have(3, 5)[4:] + b"\x00")
    peers.seed.send(piece(5))
    peers.leecher.send(request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))


@capture("ledger-late-only-utp")
def late_utp(trace):
    """What ledger-late is for TCP: ack_nr counts packets; the seed's seq_nr passes 2^16 with frame 9.

    9   seed:    DontHave 5, whose seq_nr is 0
    10  leecher: Request 5/0, which does not acknowledge frame 9: crossed
    11  leecher: Request 5/32768, which acknowledges frame 9
    12  seed:    Piece 5/0: late
    13  seed:    DontHave 5, again: one request
    14  leecher: Request 5/49152, which acknowledges frame 9 but not frame 13: not crossed
    15  seed:    Have 5
    16  seed:    DontHave 5, in two packets: its first five bytes
    17  seed:    its last five: one request
    18  leecher: Request 5/65536, which acknowledges frame 16 but not frame 17: crossed
    19  leecher: Request 5/65536, which acknowledges all
    """
    # Handshake, extension handshake, and Bitfield with Unchoke come before.
    peers = UtpConnection(trace, first=(65533, 65533))
    shake_hands(peers)
    negotiate(peers)
    offer(peers)
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)
    peers.leecher.send(request(5, 2 * BLOCK))
    peers.seed.send(piece(5))
    before_second = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5, 3 * BLOCK), acknowledging=before_second)
    peers.seed.send(have(5))
    before_last_half = (peers.seed.seq + 1) % (1 << 16)
    peers.seed.send_cut(dont_have(3, 5), at=[5])
    peers.leecher.send(request(5, 4 * BLOCK), acknowledging=before_last_half)
    peers.leecher.send(request(5, 4 * BLOCK))
