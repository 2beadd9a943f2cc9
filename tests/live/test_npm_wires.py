"""Two wires of npm's bittorrent-protocol with lt_donthave, as its README uses them.

What lt_donthave's own tests demand of it, seen on the wire and by the plugin: the extension is offered; a DontHave arrives
and takes the piece from the list of what the peer has; one for a piece that is not in that list does nothing; both ends
may send them; and requests for the piece fail, while others are served.
"""

import pytest

import downloads
from stage import GIVEN_UP, block, same

# tests/clients/wires.mjs: what each direction does with the pieces from its first one on.
KEPT, LOST, UNASKED, BACK, ABSENT = range(5)
PIECES = 16
BLOCKS_LOST = [(LOST, 0), (LOST, 0x4000), (LOST, 0x8000), (LOST, 0xC000), (BACK, 0), (BACK, 0x4000)]
ONE_WAY = [LOST, BACK, UNASKED, UNASKED]
OTHER_WAY_FIRST = 8
LINGER = 1.5  # seconds: what is printed within them was printed while the connection lasted

LISTENING, CONNECTING = downloads.SEED_ADDRESS, downloads.LEECHER_ADDRESSES[0]


def run(stage, *options):
    downloads.npm_wires(stage, "--linger", LINGER, *options)
    stage.check_captures()
    stage.check_dont_haves()
    stage.check_failed_requests()
    stage.check_expert_items("redundant", "reannounced", "closed_after")


def pieces_sent_to(stage, address):
    return [int(piece) for row in stage.observers.live.rows if row["ip.dst"] == address
            for piece in row["bt.donthave.piece_index"].split(",")]


def test_requests_fail(stage, npm):
    """Outstanding requests for the piece fail, without a word in answer; a request for another piece is served."""
    run(stage)
    assert pieces_sent_to(stage, CONNECTING) == ONE_WAY
    failed = [block(entry)[:2] for entry in stage.logged("request_failed")]
    assert sorted(failed) == sorted(BLOCKS_LOST)
    assert {entry["error"] for entry in stage.logged("request_failed")} == {GIVEN_UP}
    assert not stage.logged("reject")
    assert any(event["piece"] == KEPT and event["begin"] == 0 for event in stage.events("block"))


def test_requests_fail_with_fast(stage, npm):
    """With the Fast extension they fail as well, at the DontHave, and a Reject follows for each."""
    run(stage, "--fast")
    stage.check_rejects()
    assert sorted(block(entry)[:2] for entry in stage.logged("reject")) == sorted(BLOCKS_LOST)
    assert {row["bt.donthave.fast"] for row in stage.observers.live.rows} <= {"1", "True"}


def test_what_the_peer_has(stage, npm):
    """A DontHave takes the piece from what the peer has, at once, and a Have brings it back.

    One for a piece that is not there, as it was disowned before or never announced, is ignored: the plugin shows it, and
    calls it redundant.
    """
    run(stage, "--absent")
    assert pieces_sent_to(stage, CONNECTING) == [*ONE_WAY, ABSENT]
    announced = [piece for piece in range(PIECES) if piece not in (ABSENT, OTHER_WAY_FIRST + ABSENT)]
    same("pieces that the peer has", [event["pieces"] for event in stage.events("available")],
         [[piece for piece in announced if piece not in gone]
          for gone in ([LOST], [LOST, BACK], [LOST, BACK, UNASKED], [LOST, UNASKED])])
    assert [entry["piece"] for entry in stage.logged("donthave") if entry.get("ignored")] == [UNASKED, ABSENT]

    redundant = [pieces for pieces, in stage.rows("bt.donthave.piece_index", where="bt.donthave.expert.redundant")]
    assert sorted(int(piece) for pieces in redundant for piece in pieces.split(",")) == [UNASKED, ABSENT]
    frames = {int(piece): frame for frame, pieces in stage.rows("frame.number bt.donthave.piece_index", where="bt.donthave")
              for piece in pieces.split(",")}
    assert [disowned_in for _, disowned_in in stage.items("reannounced", "disowned_in")] == [frames[BACK]]


def test_both_directions(stage, npm):
    """Both ends send and receive DontHaves, each under the id that the other end assigned in its handshake."""
    run(stage, "--both", "--other-extensions", "5")
    same("pieces", [pieces_sent_to(stage, CONNECTING), sorted(pieces_sent_to(stage, LISTENING))],
         [ONE_WAY, sorted(OTHER_WAY_FIRST + piece for piece in ONE_WAY)])
    offers = set(stage.rows("ip.src bt.donthave.negotiated", where="bt.donthave.negotiated"))
    assert offers == {(CONNECTING, "6"), (LISTENING, "1")}
    ids = {(row["ip.dst"], number) for row in stage.observers.live.rows for number in row["bt.donthave.id"].split(",")}
    assert ids == offers
