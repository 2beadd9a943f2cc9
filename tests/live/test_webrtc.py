"""Two wires of npm's bittorrent-protocol with lt_donthave over WebRTC: data channels of werift, with a key log.

tshark gets the keys while they are written, and finds in the encrypted packets what the wires said.
"""

import pathlib
import sys

import pytest

import downloads
from stage import GIVEN_UP, block, same
from test_npm_wires import BACK, BLOCKS_LOST, CONNECTING, LINGER, LISTENING, ONE_WAY, OTHER_WAY_FIRST, pieces_sent_to

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "captures" / "record"))
import check


def play(stage, *options):
    """Play the wires. An independent decoder must find what they logged: then keys and capture are all there."""
    stage.decrypt_dtls()
    downloads.webrtc_wires(stage, "--linger", LINGER, *options)
    check.compare_files(stage.observers.file.read_bytes(), stage.logged("donthave", "reject", "request", "request_failed"),
                  stage.keys_file.read_text())


def compare(stage):
    stage.check_captures()
    stage.check_dont_haves()
    stage.check_failed_requests()
    stage.check_expert_items("redundant", "reannounced", "closed_after")


def test_one_key_for_a_connection(stage, npm):
    """The key log has one line, though both ends are in one process, and nobody else may read a log that it makes."""
    downloads.webrtc_wires(stage)
    lines = stage.keys_file.read_text().splitlines()
    assert [(line.split()[0], len(line)) for line in lines] == [("CLIENT_RANDOM", 13 + 1 + 64 + 1 + 96)]
    assert stage.keys_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fast", [False, True], ids=["nofast", "fast"])
def test_requests_fail(stage, npm, fast):
    """Outstanding requests for the piece fail; with the Fast extension a Reject follows for each."""
    play(stage, *(["--fast"] if fast else []))
    compare(stage)
    assert pieces_sent_to(stage, CONNECTING) == ONE_WAY
    failed = [block(entry)[:2] for entry in stage.logged("request_failed")]
    assert sorted(failed) == sorted(BLOCKS_LOST)
    assert {entry["error"] for entry in stage.logged("request_failed")} == {GIVEN_UP}
    assert bool(stage.logged("reject")) == fast
    if fast:
        stage.check_rejects()
    rows = stage.rows("frame.number bt.donthave.piece_index", where="bt.donthave")
    frames = {int(piece): frame for frame, pieces in rows for piece in pieces.split(",")}
    assert [disowned_in for _, disowned_in in stage.items("reannounced", "disowned_in")] == [frames[BACK]]


def test_both_directions(stage, npm):
    """Both ends send DontHaves; messages of the channel begin and end anywhere in those of BitTorrent."""
    play(stage, "--both", "--other-extensions", "5", "--cut", "1000")
    compare(stage)
    same("pieces", [pieces_sent_to(stage, CONNECTING), sorted(pieces_sent_to(stage, LISTENING))],
         [ONE_WAY, sorted(OTHER_WAY_FIRST + piece for piece in ONE_WAY)])
    offers = set(stage.rows("ip.src bt.donthave.negotiated", where="bt.donthave.negotiated"))
    assert offers == {(CONNECTING, "6"), (LISTENING, "1")}
