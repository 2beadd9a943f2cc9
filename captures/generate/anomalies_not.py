"""What is no anomaly, though a naive reader might take it for one, and sessions in which nothing is wrong.

Frames 1 to 8 are those of session.py unless a capture says otherwise; Fast is not negotiated unless a capture says so.
What is not to be raised is named in capitals.
"""

from anomalies_story import story
from peer_wire import (BLOCK, CHOKE, NOT_INTERESTED, UNCHOKE, bitfield, cancel, dont_have, extended,
                       extension_handshake, have, message, numbers, piece, reject, request)
from session import ALL, LEECHER_IDS, PIECES, begin, negotiate, shake_hands
from utp import UtpConnection


# --- clean sessions ---

def session(trace, where, fast):
    """What clean-fast and clean-no-fast tell.

    9   leecher: Request 5/0, 5/16384, 6/0
    10  seed:    Piece 5/0
    11  seed:    DontHave 5; with Fast Reject 5/16384
    12  leecher: Request 7/0, Cancel 6/0
    13  seed:    Piece 7/0; with Fast Reject 6/0
    14  leecher: DontHave 1, which it announced in frame 9
    15  seed:    Have 5, Have 6
    16  leecher: Request 5/16384
    17  seed:    Piece 5/16384
    18  leecher: Have 5, Not Interested
    19  seed:    DontHave 6, Choke
    20-29   leecher and seed acknowledge in turn
    30  leecher: FIN, the eleventh packet after the DontHave
    31  seed:    FIN
    """
    def if_fast(*messages):
        return messages if fast else ()

    peers = begin(trace, fast=fast, **where)
    peers.leecher.send(have(1), request(5), request(5, BLOCK), request(6))
    peers.seed.send(piece(5))
    peers.seed.send(dont_have(3, 5), *if_fast(reject(5, BLOCK)))
    peers.leecher.send(request(7), cancel(6))
    peers.seed.send(piece(7), *if_fast(reject(6)))
    peers.leecher.send(dont_have(7, 1))
    peers.seed.send(have(5), have(6))
    peers.leecher.send(request(5, BLOCK))
    peers.seed.send(piece(5, BLOCK))
    peers.leecher.send(have(5), NOT_INTERESTED)
    peers.seed.send(dont_have(3, 6), CHOKE)
    for number in range(10):
        (peers.seed if number % 2 else peers.leecher).acknowledge()
    trace.wait(3)
    peers.leecher.finish()
    peers.seed.finish()


@story("clean-fast", also_utp=True)
def clean_fast(trace, where):
    session(trace, where, fast=True)


@story("clean-no-fast", also_utp=True)
def clean_no_fast(trace, where):
    session(trace, where, fast=False)


# --- in any order, and what one side never says ---

@story("not-anomaly-donthave-before-reject", also_utp=True)
def donthave_before_reject(trace, where):
    """libtorrent on a read error, with Fast: for each block a DontHave, then its Reject. No UNREJECTED, DOUBLE_REJECT.

    9   leecher: Request 5/0, 5/16384, 5/32768
    10  seed:    DontHave 5, Reject 5/0
    11  seed:    DontHave 5 (redundant), Reject 5/16384
    12  seed:    DontHave 5 (redundant), Reject 5/32768
    13  leecher: Request 6/0, two seconds later
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(*(request(5, block * BLOCK) for block in range(3)))
    for block in range(3):
        peers.seed.send(dont_have(3, 5), reject(5, block * BLOCK))
    trace.wait(2)
    peers.leecher.send(request(6))


@story("not-anomaly-reject-before-donthave", also_utp=True)
def reject_before_donthave(trace, where):
    """libtorrent when a predicted piece fails its hash, with Fast: the Rejects come first. No UNREJECTED, INVALIDATED.

    8   seed:    Bitfield of all but 5, Unchoke
    9   seed:    Have 5: the prediction
    10  leecher: Request 5/0, 5/16384
    11  seed:    Reject 5/0, Reject 5/16384, DontHave 5
    12  leecher: Request 6/0, two seconds later
    """
    peers = begin(trace, fast=True, pieces=set(ALL) - {5}, **where)
    peers.seed.send(have(5))
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(reject(5), reject(5, BLOCK), dont_have(3, 5))
    trace.wait(2)
    peers.leecher.send(request(6))


@story("not-anomaly-request-after-its-answer", also_utp=True)
def request_after_its_answer(trace, where):
    """The capture has Requests after their Rejects, which acknowledge them. No UNREJECTED, DOUBLE_REJECT.

    Over TCP Wireshark keeps such Requests from all dissectors (as "spurious retransmissions").

    9   seed:    Reject 5/0
    10  leecher: Request 5/0, sent before it
    11  seed:    DontHave 5, which invalidates nothing
    12  seed:    DontHave 6, Reject 6/0, Have 6
    13  leecher: Request 6/0, sent before it
    14  leecher: Request 7/0, two seconds later
    """
    peers = begin(trace, fast=True, **where)
    trace.swap(peers.leecher.send(request(5)), peers.seed.send(reject(5)))
    peers.seed.send(dont_have(3, 5))
    trace.swap(peers.leecher.send(request(6)), peers.seed.send(dont_have(3, 6), reject(6), have(6)))
    trace.wait(2)
    peers.leecher.send(request(7))


@story("not-anomaly-late-bitfield", also_utp=True)
def late_bitfield(trace, where):
    """The torrent began from a magnet link: first the metadata, then the Bitfield. No BEFORE_AVAILABILITY, REDUNDANT.

    8   seed:    Unchoke
    9   leecher: ut_metadata request, id 2 of the seed
    10  seed:    ut_metadata data, id 2 of the leecher
    11  seed:    Bitfield of all, three seconds later
    12  seed:    DontHave 5
    """
    peers = trace.connect(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    peers.seed.send(UNCHOKE)
    peers.leecher.send(extended(2, b"d8:msg_typei0e5:piecei0ee"))
    peers.seed.send(extended(2, b"d8:msg_typei1e5:piecei0e10:total_sizei4eeabcd"))
    trace.wait(3)
    peers.seed.send(bitfield(ALL, PIECES))
    peers.seed.send(dont_have(3, 5))


@story("not-anomaly-sender-without", also_utp=True)
def sender_without(trace, where):
    """DontHave to a peer that never sends one, from a peer that does not offer it. No NOT_ADVERTISED, OWN_ID.

    7   seed:    extension handshake without lt_donthave
    9   seed:    DontHave 5
    """
    peers = begin(trace, seed_ids={"ut_metadata": 2}, **where)
    peers.seed.send(dont_have(3, 5))


@story("not-anomaly-second-bitfield", also_utp=True)
def second_bitfield(trace, where):
    """A second Bitfield replaces the first. No REDUNDANT for a piece that only the second has.

    8   seed:    Bitfield of all but 5, Unchoke
    9   seed:    Bitfield of all but 6
    10  seed:    DontHave 5
    11  seed:    DontHave 6: this one is redundant, a Note
    """
    peers = begin(trace, pieces=set(ALL) - {5}, **where)
    peers.seed.send(bitfield(set(ALL) - {6}, PIECES))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 6))


# --- numbers that mean something else ---

@story("not-anomaly-same-number", also_utp=True)
def same_number(trace, where):
    """The leecher gave 7 to ut_pex, the seed to lt_donthave. No OWN_ID.

    6   leecher: extension handshake, lt_donthave 3 and ut_pex 7; Interested
    9   seed:    four bytes with id 7: ut_pex
    10  leecher: four bytes with id 3: upload_only, as the seed said
    """
    peers = begin(trace, leecher_ids={"lt_donthave": 3, "ut_pex": 7}, **where)
    peers.seed.send(extended(7, numbers(5)))
    peers.leecher.send(extended(3, numbers(1)))


@story("not-anomaly-base-18", also_utp=True)
def base_18(trace, where):
    """Nobody offers lt_donthave, so message 18 is some other message. No BASE_MESSAGE.

    6   leecher: extension handshake without lt_donthave, Interested
    7   seed:    extension handshake without lt_donthave
    9   seed:    message 18 with four bytes
    """
    peers = begin(trace, leecher_ids={"ut_pex": 1}, seed_ids={"ut_pex": 1}, **where)
    peers.seed.send(message(18, numbers(5)))


@story("not-anomaly-renumbered-crossing", also_utp=True)
def renumbered_crossing(trace, where):
    """A DontHave with the old id crosses the handshake that changes it. No OWN_ID, DISABLED.

    9   leecher: extension handshake, lt_donthave 8 (renumbered, a Note)
    10  seed:    DontHave 5 with id 3, which does not acknowledge frame 9
    """
    peers = begin(trace, **where)
    before = peers.leecher.seq
    peers.leecher.send(extension_handshake({"lt_donthave": 8}))
    peers.seed.send(dont_have(3, 5), acknowledging=before)


# --- right at the bounds ---

@story("not-anomaly-storm", also_utp=True)
def no_storm(trace, where):
    """64 DontHaves within a second, and the 65th later. No STORM.

    8   seed:    Bitfield of all of 256, Unchoke
    9   seed:    DontHave 0 to 63
    10  seed:    DontHave 64, 1.1 s later
    11  seed:    DontHave 65 to 127
    """
    peers = trace.connect(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    peers.seed.send(bitfield(range(256), 256), UNCHOKE)
    peers.seed.send(*(dont_have(3, number) for number in range(64)))
    trace.wait(1.1)
    peers.seed.send(dont_have(3, 64))
    peers.seed.send(*(dont_have(3, number) for number in range(65, 128)))


@story("not-anomaly-closed-eleven", also_utp=True)
def closed_eleven(trace, where):
    """The receiver closes eleven packets after the DontHave. No CLOSED_AFTER.

    9       seed:    DontHave 5
    10-19   leecher and seed acknowledge in turn
    20      leecher: FIN
    """
    peers = begin(trace, **where)
    peers.seed.send(dont_have(3, 5))
    for number in range(10):
        (peers.seed if number % 2 else peers.leecher).acknowledge()
    peers.leecher.finish()


@story("not-anomaly-sender-closes", also_utp=True)
def sender_closes(trace, where):
    """The sender of the DontHave closes, and the receiver answers that. No CLOSED_AFTER.

    9   seed:    DontHave 5
    10  seed:    FIN
    11  leecher: FIN
    """
    peers = begin(trace, **where)
    peers.seed.send(dont_have(3, 5))
    peers.seed.finish()
    peers.leecher.finish()


@story("not-anomaly-closed-at-once", also_utp=True)
def closed_at_once(trace, where):
    """With Fast: the connection ends within a round trip of 2 ms, before the Reject. No UNREJECTED.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  seed:    FIN
    12  leecher: FIN
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.seed.finish()
    peers.leecher.finish()


@story("not-anomaly-capture-ends", also_utp=True)
def capture_ends(trace, where):
    """With Fast: the capture ends within a round trip of 2 ms, before the Reject. No UNREJECTED.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  leecher: acknowledges
    """
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.acknowledge()


@story("not-anomaly-long-round-trip")
def long_round_trip(trace, where):
    """With Fast: the capture ends two seconds after the DontHave, but the SYNs took three to be answered. No UNREJECTED.

    9   leecher: Request 5/0
    10  seed:    DontHave 5
    11  leecher: acknowledges, two seconds later
    """
    peers = begin(trace, fast=True, **where)
    trace.packets[0].time -= 3_000_000
    peers.leecher.send(request(5))
    peers.seed.send(dont_have(3, 5))
    trace.wait(2)
    peers.leecher.acknowledge()


# --- what was not captured ---

@story("not-anomaly-from-the-middle", seed_port=6881)
def from_the_middle(trace, where):
    """The capture begins when the leecher has already asked for much; a later handshake tells the id.

    No BEFORE_AVAILABILITY, REDUNDANT, DOUBLE_REJECT, UNREJECTED, late_block as a Warn, NOT_ADVERTISED.

    1   seed:    Have 4
    2   leecher: extension handshake, lt_donthave 3
    3   seed:    DontHave 5
    4   seed:    Reject 5/0, Reject 5/16384: asked for before the capture
    5   seed:    Piece 5/32768: the same (a late_block, a Note)
    6   seed:    extension handshake without lt_donthave: what it gave before still holds
    7   leecher: DontHave 5 with an id that nobody can know: no DontHave
    8   leecher: DontHave 6 with its own id 3, which may be the seed's, too
    """
    peers = trace.connect(trace, opened=False, **where)
    peers.seed.send(have(4))
    peers.leecher.send(extension_handshake(LEECHER_IDS))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5), reject(5, BLOCK))
    peers.seed.send(piece(5, 2 * BLOCK))
    peers.seed.send(extension_handshake({"ut_pex": 1}))
    peers.leecher.send(dont_have(9, 5))
    peers.leecher.send(dont_have(3, 6))


def gap_in_answers(trace, peers, skip):
    peers.leecher.send(request(5), request(6))
    peers.seed.send(dont_have(3, 5))
    skip(reject(5))
    peers.leecher.send(request(7))
    peers.seed.send(piece(7))
    peers.leecher.send(request(5))
    trace.wait(2)
    peers.leecher.send(request(8))
    peers.seed.send(piece(8))


def gap_before(trace, peers, skip):
    peers.leecher.send(request(5))
    skip(piece(5))
    peers.leecher.send(request(6))
    peers.seed.send(piece(6))
    peers.seed.send(dont_have(3, 5))
    trace.wait(2)
    peers.leecher.send(request(7))
    peers.seed.send(piece(7))


def gap_in_announcements(trace, peers, skip):
    peers.seed.send(dont_have(3, 5))
    skip(have(5))
    peers.leecher.acknowledge()
    peers.seed.send(have(6))
    peers.leecher.send(request(5))
    peers.seed.send(piece(5))
    peers.seed.send(dont_have(3, 5))


def gap_in_bitfield(trace, peers, skip):
    skip(have(5))
    peers.leecher.acknowledge()
    peers.seed.send(have(6))
    peers.seed.send(dont_have(3, 5))


def gap_in_requests(trace, peers, skip):
    skip(request(5), request(5, BLOCK))
    peers.seed.acknowledge()
    peers.leecher.send(have(1))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5), reject(5, BLOCK))


def gap_in_handshakes(trace, peers, skip):
    skip(extension_handshake({"lt_donthave": 7}))
    peers.seed.acknowledge()
    peers.leecher.send(have(1))
    peers.seed.send(dont_have(7, 5))


def with_gap(trace, where, tell, side, pieces=ALL):
    """A session with Fast of which a packet of that side is missing."""
    peers = begin(trace, fast=True, pieces=pieces, **where)
    peer = getattr(peers, side)

    def skip(*messages):
        if isinstance(peers, UtpConnection):
            peer.skip()
        else:
            peer.skip(*messages)

    tell(trace, peers, skip)


@story("not-anomaly-gap-answer", also_utp=True)
def gap_answer(trace, where):
    """With Fast: the Reject was not captured. No UNREJECTED, REREQUEST; nor a late request as a Warn.

    9       leecher: Request 5/0, 6/0
    10      seed:    DontHave 5
    (not captured)   seed: Reject 5/0
    11      leecher: Request 7/0
    12      seed:    Piece 7/0
    13      leecher: Request 5/0, after a Have that was not captured, for all we know
    14, 15  two seconds later: leecher: Request 8/0, seed: Piece 8/0
    """
    with_gap(trace, where, gap_in_answers, "seed")


@story("not-anomaly-gap-before", also_utp=True)
def gap_before_donthave(trace, where):
    """With Fast: the block came, but was not captured. No UNREJECTED.

    9       leecher: Request 5/0
    (not captured)   seed: Piece 5/0
    10      leecher: Request 6/0
    11      seed:    Piece 6/0
    12      seed:    DontHave 5: one request, as far as was seen
    13, 14  two seconds later: leecher: Request 7/0, seed: Piece 7/0
    """
    with_gap(trace, where, gap_before, "seed")


@story("not-anomaly-gap-announcement", also_utp=True)
def gap_announcement(trace, where):
    """The Have was not captured. No LATE_REQUEST, LATE_BLOCK, REDUNDANT.

    9       seed:    DontHave 5
    (not captured)   seed: Have 5
    10      leecher: acknowledges
    11      seed:    Have 6
    12      leecher: Request 5/0
    13      seed:    Piece 5/0
    14      seed:    DontHave 5
    """
    with_gap(trace, where, gap_in_announcements, "seed")


@story("not-anomaly-gap-have", also_utp=True)
def gap_have(trace, where):
    """The Have was not captured. No REDUNDANT.

    8       seed:    Bitfield of all but 5, Unchoke
    (not captured)   seed: Have 5
    9       leecher: acknowledges
    10      seed:    Have 6
    11      seed:    DontHave 5
    """
    with_gap(trace, where, gap_in_bitfield, "seed", set(ALL) - {5})


@story("not-anomaly-gap-request", also_utp=True)
def gap_request(trace, where):
    """The Requests were not captured. No DOUBLE_REJECT.

    (not captured)   leecher: Request 5/0, 5/16384
    9       seed:    acknowledges
    10      leecher: Have 1
    11      seed:    DontHave 5: none that was seen
    12      seed:    Reject 5/0, Reject 5/16384
    """
    with_gap(trace, where, gap_in_requests, "leecher")


@story("not-anomaly-gap-handshake", also_utp=True)
def gap_handshake(trace, where):
    """A later handshake of the leecher was not captured. No OWN_ID: 7 may be what it wants now.

    (not captured)   leecher: extension handshake, lt_donthave 7
    9       seed:    acknowledges
    10      leecher: Have 1
    11      seed:    DontHave 5 with id 7
    """
    with_gap(trace, where, gap_in_handshakes, "leecher")


def one_direction(trace, where, dropped):
    peers = begin(trace, fast=True, **where)
    peers.leecher.send(request(5), request(5, BLOCK))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(reject(5), reject(5, BLOCK))
    peers.leecher.send(request(5))
    peers.seed.send(piece(5))
    peers.seed.send(have(5))
    trace.wait(2)
    peers.leecher.send(request(6))
    peers.seed.send(piece(6))
    trace.drop(dropped)


@story("not-anomaly-seed-only", also_utp=True)
def seed_only(trace, where):
    """Only the seed's packets were captured, for fallback_id 3. No DOUBLE_REJECT, UNREJECTED, late_block as a Warn.

    1  SYN and ACK
    2  handshake
    3  extension handshake
    4  Bitfield, Unchoke
    5  DontHave 5 (id_assumed, a Note)
    6  Reject 5/0, Reject 5/16384
    7  Piece 5/0 (late_block, a Note)
    8  Have 5 (reannounced, a Chat)
    9  Piece 6/0, two seconds later
    """
    one_direction(trace, where, (1, 3, 4, 6, 9, 12, 15))


@story("not-anomaly-leecher-only", also_utp=True)
def leecher_only(trace, where):
    """Only the leecher's packets were captured: nothing at all.

    1  SYN
    2  ACK
    3  handshake
    4  extension handshake, Interested
    5  Request 5/0, Request 5/16384
    6  Request 5/0
    7  Request 6/0, two seconds later
    """
    one_direction(trace, where, (2, 5, 7, 8, 10, 11, 13, 14, 16))


@story("not-anomaly-snaplen", also_utp=True)
def snaplen(trace, where):
    """With Fast, packets are cut after 150 bytes: the Bitfield and the last Reject. No REDUNDANT, UNREJECTED.

    8   seed:    Bitfield of all but the first 8 of 1024 pieces, Unchoke; only its beginning was captured
    9   leecher: Request 900/0, Request 900/16384
    10  seed:    DontHave 900, Piece 1/0 with 16 bytes, Piece 2/0 with 16 bytes, Reject 900/0, Reject 900/16384
    11  leecher: Request 901/0, two seconds later
    12  seed:    Piece 901/0
    """
    peers = trace.connect(trace, **where)
    shake_hands(peers, fast=True)
    negotiate(peers)
    peers.seed.send(bitfield(range(8, 1024), 1024), UNCHOKE)
    peers.leecher.send(request(900), request(900, BLOCK))
    peers.seed.send(dont_have(3, 900), piece(1), piece(2), reject(900), reject(900, BLOCK))
    trace.wait(2)
    peers.leecher.send(request(901))
    peers.seed.send(piece(901))
    for packet in trace.packets[7:]:
        packet.data = packet.data[:150]
