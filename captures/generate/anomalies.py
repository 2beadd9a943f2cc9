"""One capture for each anomaly, and for each severity that it has. The other side of the matter: anomalies_not.py.

Frames 1 to 8 are those of session.py unless a capture says otherwise: the seed offers all 64 pieces, writes DontHave with
id 3, and Fast is not negotiated. What is named in capitals is the anomaly.
"""

from anomalies_story import story
from peer_wire import (BLOCK, HAVE_ALL, UNCHOKE, allowed_fast, bitfield, cancel, dont_have, extended,
                       extension_handshake, have, message, numbers, piece, reject, request, suggest)
from session import ALL, PIECES, begin, negotiate, shake_hands
from utp import UtpConnection


@story("anomaly-length", also_utp=True)
def length(trace, where):
    """9   seed:    LENGTH: DontHave with three bytes
    10  seed:    LENGTH: DontHave 5 with a fifth byte
    """
    peers = begin(trace, **where)
    peers.seed.send(extended(3, bytes(3)))
    peers.seed.send(extended(3, numbers(5) + b"\0"))


@story("anomaly-bencoded", also_utp=True)
def bencoded(trace, where):
    """9   seed:    BENCODED: d5:piecei5ee in place of the index"""
    peers = begin(trace, **where)
    peers.seed.send(extended(3, b"d5:piecei5ee"))


@story("anomaly-out-of-range", also_utp=True)
def out_of_range(trace, where):
    """9   seed:    DontHave 63, the last piece
    10  seed:    OUT_OF_RANGE: DontHave 64
    11  seed:    OUT_OF_RANGE: DontHave 4294967295
    """
    peers = begin(trace, **where)
    for number in (63, 64, 0xFFFFFFFF):
        peers.seed.send(dont_have(3, number))


@story("anomaly-redundant", also_utp=True)
def redundant(trace, where):
    """8   seed:    Bitfield of all but 5, Unchoke
    9   seed:    REDUNDANT: DontHave 5, which it never had
    10  seed:    DontHave 6
    11  seed:    REDUNDANT: DontHave 6, again
    """
    peers = begin(trace, pieces=set(ALL) - {5}, **where)
    for number in (5, 6, 6):
        peers.seed.send(dont_have(3, number))


@story("anomaly-before-availability", also_utp=True)
def before_availability(trace, where):
    """8   seed:    BEFORE_AVAILABILITY: DontHave 5
    9   seed:    Bitfield of all, Unchoke
    """
    peers = trace.connect(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(bitfield(ALL, PIECES), UNCHOKE)


@story("anomaly-not-advertised", also_utp=True)
def not_advertised(trace, where):
    """6   leecher: extension handshake without lt_donthave, Interested
    9   seed:    NOT_ADVERTISED: DontHave 5 with id 7, which it advertised itself
    """
    peers = begin(trace, leecher_ids={"ut_metadata": 2}, **where)
    peers.seed.send(dont_have(7, 5))


@story("anomaly-own-id", also_utp=True)
def own_id(trace, where):
    """9   seed:    OWN_ID: DontHave 5 with id 7; the leecher wants 3"""
    peers = begin(trace, **where)
    peers.seed.send(dont_have(7, 5))


@story("anomaly-disabled", also_utp=True)
def disabled(trace, where):
    """9   leecher: extension handshake, lt_donthave 0
    10  seed:    DISABLED: DontHave 5 with id 3; it has acknowledged frame 9
    """
    peers = begin(trace, **where)
    peers.leecher.send(extension_handshake({"lt_donthave": 0}))
    peers.seed.send(dont_have(3, 5))


@story("anomaly-disabled-crossing", also_utp=True)
def disabled_crossing(trace, where):
    """9   leecher: extension handshake, lt_donthave 0
    10  seed:    DISABLED, as a Note: DontHave 5 with id 3, which does not acknowledge frame 9
    """
    peers = begin(trace, **where)
    before = peers.leecher.seq
    peers.leecher.send(extension_handshake({"lt_donthave": 0}))
    peers.seed.send(dont_have(3, 5), acknowledging=before)


@story("anomaly-base-message", also_utp=True)
def base_message(trace, where):
    """9   seed:    BASE_MESSAGE: message 18 with piece index 5, not an extended one"""
    peers = begin(trace, **where)
    peers.seed.send(message(18, numbers(5)))


@story("anomaly-id-assumed", seed_port=6881)
def id_assumed(trace, where):
    """A capture that begins after the handshakes, for fallback_id 3.

    1   seed:    Have 4
    2   leecher: Have 4
    3   seed:    ID_ASSUMED: DontHave 4 with id 3
    """
    peers = trace.connect(trace, opened=False, **where)
    peers.seed.send(have(4))
    peers.leecher.send(have(4))
    peers.seed.send(dont_have(3, 4))


@story("anomaly-assumed-not-advertised")
def assumed_not_advertised(trace, where):
    """For fallback_id 3: the leecher's handshake was seen, so the preference does not stand in for it.

    6   leecher: extension handshake without lt_donthave, Interested
    9   seed:    NOT_ADVERTISED, ID_ASSUMED: DontHave 5 with id 3
    """
    peers = begin(trace, leecher_ids={"ut_metadata": 2}, seed_ids={"ut_metadata": 2}, **where)
    peers.seed.send(dont_have(3, 5))


@story("anomaly-invalidated", also_utp=True)
def invalidated(trace, where):
    """9   leecher: Request 5/0, Request 5/16384: each INVALIDATED
    10  seed:    INVALIDATED: DontHave 5
    """
    peers = begin(trace, **where)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))


@story("anomaly-reject-without-fast", also_utp=True)
def reject_without_fast(trace, where):
    """9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  seed:    REJECT_WITHOUT_FAST: Reject 5/0
    """
    peers = begin(trace, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5))


@story("anomaly-unrejected", also_utp=True)
def unrejected(trace, where):
    """With Fast. A round trip takes 2 ms.

    9   leecher: Request 5/0, UNREJECTED; Request 5/16384
    10  seed:    UNREJECTED: DontHave 5
    11  seed:    Reject 5/16384
    12  leecher: Request 6/0, two seconds later
    13  seed:    Piece 6/0
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5, BLOCK))
    trace.wait(2)
    peers.leecher.send(request(6))
    peers.seed.send(piece(6))


@story("anomaly-double-reject", also_utp=True)
def double_reject(trace, where):
    """With Fast.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  seed:    Reject 5/0
    12  seed:    DOUBLE_REJECT: Reject 5/0
    13  seed:    DOUBLE_REJECT: Reject 5/16384, which nobody asked for
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5))
    peers.seed.send(reject(5))
    peers.seed.send(reject(5, BLOCK))


@story("anomaly-double-reject-in-a-block", also_utp=True)
def double_reject_in_a_block(trace, where):
    """With Fast. The Reject acknowledges a part of a block that goes the other way: all before it is known.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  seed:    Reject 5/0
    12  leecher: Piece 9/0, the first part
    13  seed:    DOUBLE_REJECT: Reject 5/0
    14  leecher: the rest
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5))
    block = piece(9)
    peers.leecher.send(block[:20])
    peers.seed.send(reject(5))
    peers.leecher.send(block[20:])


@story("anomaly-late-block", also_utp=True)
def late_block(trace, where):
    """9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  seed:    LATE_BLOCK, as a Note: Piece 5/0, requested before the DontHave
    """
    peers = begin(trace, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(piece(5))


@story("anomaly-late-block-newer", also_utp=True)
def late_block_newer(trace, where):
    """9   seed:    DontHave 5
    10  leecher: Request 5/0, before it has acknowledged frame 9
    11  seed:    LATE_BLOCK, as a Warn: Piece 5/0, requested after the DontHave
    """
    peers = begin(trace, **where)
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)
    peers.seed.send(piece(5))


@story("anomaly-late-request", also_utp=True)
def late_request(trace, where):
    """9   seed:    DontHave 5
    10  leecher: LATE_REQUEST: Request 5/0
    11  leecher: LATE_REQUEST: Request 5/16384, 1.2 s after the DontHave
    """
    peers = begin(trace, **where)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5))
    trace.wait(1.198)
    peers.leecher.send(request(5, BLOCK))


@story("anomaly-late-request-crossed", also_utp=True)
def late_request_crossed(trace, where):
    """9   seed:    DontHave 5
    10  leecher: LATE_REQUEST, as a Chat: Request 5/0, which does not acknowledge frame 9
    """
    peers = begin(trace, **where)
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)


@story("anomaly-rerequest", also_utp=True)
def rerequest(trace, where):
    """With Fast.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  leecher: REREQUEST: Request 5/0, before frame 10 is acknowledged
    12  seed:    Reject 5/0
    13  seed:    Reject 5/0: one for each
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5))
    before = peers.seed.seq
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)
    peers.seed.send(reject(5))
    peers.seed.send(reject(5))


@story("anomaly-cancel-after", also_utp=True)
def cancel_after(trace, where):
    """9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  leecher: CANCEL_AFTER: Cancel 5/0
    """
    peers = begin(trace, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(cancel(5))


@story("anomaly-reannounced", also_utp=True)
def reannounced(trace, where):
    """With Fast, for Have All. Before each of these the seed sends DontHave 5:

    10  seed:    REANNOUNCED: Have 5
    12  seed:    REANNOUNCED: Bitfield of all
    14  seed:    REANNOUNCED: Have All
    16  seed:    REANNOUNCED, as a Note: Have 5, the fourth time
    18  seed:    REANNOUNCED, as a Note: Have 5
    """
    peers = begin(trace, fast=True, **where)
    for announcement in (have(5), bitfield(ALL, PIECES), HAVE_ALL, have(5), have(5)):
        peers.seed.send(dont_have(3, 5))
        peers.seed.send(announcement)


@story("anomaly-storm", also_utp=True)
def storm(trace, where):
    """A torrent of 256 pieces.

    8   seed:    Bitfield of all, Unchoke
    9   seed:    DontHave 0 to 39
    10  seed:    DontHave 40 to 63: the 64th, not yet a storm
    11  seed:    STORM: DontHave 64
    12  seed:    DontHave 65 to 99: named once is enough
    13  leecher: Bitfield of all
    14  leecher: DontHave 0 to 39
    15  leecher: STORM: DontHave 40 to 99, at the 65th: the other direction
    """
    peers = trace.connect(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    peers.seed.send(bitfield(range(256), 256), UNCHOKE)
    for numbers_of_frame in (range(40), range(40, 64), range(64, 65), range(65, 100)):
        peers.seed.send(*(dont_have(3, number) for number in numbers_of_frame))
    peers.leecher.send(bitfield(range(256), 256))
    for numbers_of_frame in (range(40), range(40, 100)):
        peers.leecher.send(*(dont_have(7, number) for number in numbers_of_frame))


@story("anomaly-contradicts-advice", also_utp=True)
def contradicts_advice(trace, where):
    """With Fast.

    9   seed:    Suggest Piece 5, Allowed Fast 6
    10  seed:    CONTRADICTS_ADVICE: DontHave 5
    11  seed:    CONTRADICTS_ADVICE: DontHave 6
    """
    peers = begin(trace, fast=True, **where)
    peers.seed.send(suggest(5), allowed_fast(6))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 6))


@story("anomaly-closed-after", also_utp=True)
def closed_after(trace, where):
    """9   seed:    CLOSED_AFTER: DontHave 5
    10  leecher: FIN
    """
    peers = begin(trace, **where)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.finish()


@story("anomaly-closed-after-ten", also_utp=True)
def closed_after_ten(trace, where):
    """9   seed:    DontHave 4
    10  seed:    CLOSED_AFTER: DontHave 5
    11-19       leecher and seed acknowledge in turn
    20  leecher: RST, over uTP ST_RESET: the tenth packet
    """
    peers = begin(trace, **where)
    peers.seed.send(dont_have(3, 4))
    peers.seed.send(dont_have(3, 5))
    for number in range(9):
        (peers.seed if number % 2 else peers.leecher).acknowledge()
    peers.leecher.reset()


@story("anomaly-shared-id", also_utp=True)
def shared_id(trace, where):
    """6   leecher: SHARED_ID: ut_metadata and lt_donthave are both 3; Interested"""
    begin(trace, leecher_ids={"ut_metadata": 3, "lt_donthave": 3}, **where)


@story("anomaly-bad-id", also_utp=True)
def bad_id(trace, where):
    """6   leecher: BAD_ID: lt_donthave is 256; Interested
    9   leecher: BAD_ID: -1
    10  leecher: BAD_ID: the string "3"
    """
    peers = begin(trace, leecher_ids={"lt_donthave": 256}, **where)
    peers.leecher.send(extension_handshake({"lt_donthave": -1}))
    peers.leecher.send(extension_handshake({"lt_donthave": "3"}))


@story("anomaly-bad-handshake", also_utp=True)
def bad_handshake(trace, where):
    """9   leecher: BAD_HANDSHAKE: a dictionary that is cut short
    10  leecher: BAD_HANDSHAKE: nested 33 deep
    11  leecher: BAD_HANDSHAKE: a byte after the dictionary
    """
    peers = begin(trace, **where)
    peers.leecher.send(extended(0, b"d1:md6:ut_pexi1e"))
    peers.leecher.send(extended(0, b"d1:x" + b"l" * 33 + b"e" * 33 + b"e"))
    peers.leecher.send(extended(0, b"d1:v1:xe!"))


@story("anomaly-renumbered", also_utp=True)
def renumbered(trace, where):
    """9   leecher: RENUMBERED: extension handshake, lt_donthave 8
    10  seed:    DontHave 5 with id 8
    """
    peers = begin(trace, **where)
    peers.leecher.send(extension_handshake({"lt_donthave": 8}))
    peers.seed.send(dont_have(8, 5))


@story("anomaly-look-alike", also_utp=True)
def look_alike(trace, where):
    """6   leecher: LOOK_ALIKE: LT_DontHave is 3; Interested
    9   leecher: LOOK_ALIKE: lt-donthave
    10  leecher: LOOK_ALIKE: ltdonthave
    """
    peers = begin(trace, leecher_ids={"ut_metadata": 2, "LT_DontHave": 3}, **where)
    peers.leecher.send(extension_handshake({"lt-donthave": 3}))
    peers.leecher.send(extension_handshake({"ltdonthave": 3}))


@story("anomaly-limit-names", also_utp=True)
def limit_names(trace, where):
    """9   leecher: LIMIT: extension handshake with 257 names more
    10  seed:    DontHave 5
    11  seed:    a length prefix of 0xffffffff: a second limit is not told
    """
    peers = begin(trace, **where)
    peers.leecher.send(extension_handshake({f"x{number}": number % 250 + 4 for number in range(257)}))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(b"\xff\xff\xff\xff\x14\x03\x00\x00")


@story("anomaly-limit-message", also_utp=True)
def limit_message(trace, where):
    """9   seed:    LIMIT: a length prefix of 16 MiB and one byte"""
    peers = begin(trace, **where)
    peers.seed.send(numbers((1 << 24) + 1) + b"\x07" + bytes(100))


@story("anomaly-limit-order")
def limit_order(trace, where):
    """uTP: a packet that never comes, and too many after it. The leecher's packets were not captured.

    1    ST_SYN, of the leecher (the only one)
    2    seed: ST_STATE
    3    seed: handshake
    4    seed: extension handshake
    5    seed: Bitfield of all, Unchoke
    6-85 seed: Have 1; a packet before frame 6 is missing
    69   LIMIT: the 64th after the missing packet
    """
    peers = UtpConnection(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    peers.seed.send(bitfield(ALL, PIECES), UNCHOKE)
    peers.seed.skip()
    for _ in range(80):
        peers.seed.send(have(1))
    trace.drop([3, 4, 6])
