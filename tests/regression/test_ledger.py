"""Which requests a DontHave invalidated: the rules of the ledger, on the captures of captures/generate/ledger.py.

    1  A Request is outstanding; the same block asked for again replaces it.
    2  Piece, Cancel, and with Fast a Reject, end it.
    3  Choke ends all of them, without Fast.
    4  DontHave invalidates those for its piece, once; with Fast each awaits its Reject, a Piece or a new Request.
    5  Have, Have All and Bitfield take DontHaves back.
    6  A Request for a disowned piece is late; crossed while its sender had not acknowledged the whole DontHave.
    7  A Piece of a disowned piece is late.
    8  The id comes from the receiver's handshakes: test_ids.py.
    9  A payload that is not four bytes changes nothing.

The columns of the rows are described in rows.py. What only the future knows shows in the second pass.
"""

import pytest

from rows import invalidated, late_blocks, late_requests, ledger, reannounced, rejects, unrejected

# Most stories are told over TCP and over uTP.
over_both = pytest.mark.parametrize("over", ["", "-utp"], ids=["tcp", "utp"])

FALLBACK = ["-o", "bt.donthave.fallback_id:3"]


def from_pass_2(tshark, rows):
    """What a single pass cannot know when it prints the frame."""
    return rows if tshark.two_passes else []


@over_both
def test_without_fast_requests_are_dropped(tshark, over):
    """Rules 1 and 4: the outstanding requests for the piece, their number, bytes and frames; each frame once."""
    assert ledger(tshark, f"ledger-no-fast{over}") == ["11 5 2 32768 9", "13 6 0 0 -", "16 7 2 32768 14,15"]
    assert invalidated(tshark, f"ledger-no-fast{over}") == from_pass_2(tshark, [
        "9 5 0 16384 11 0.002000000 -",
        "9 5 16384 16384 11 0.002000000 -",
        "14 7 0 16384 16 0.002000000 -",
        "15 7 16384 16384 16 0.001000000 -",
    ])
    assert unrejected(tshark, f"ledger-no-fast{over}") == []


@over_both
def test_with_fast_each_awaits_its_reject(tshark, over):
    """Rule 4: Rejects link to their requests in any order; a Reject of an outstanding request is an ordinary answer."""
    assert ledger(tshark, f"ledger-fast{over}") == ["11 5 2 32768 9", "14 6 1 16384 10", "18 7 1 16384 16"]
    assert rejects(tshark, f"ledger-fast{over}") == ["12 5 16384 16384 9", "13 5 0 16384 9", "19 7 16384 16384 16"]
    assert invalidated(tshark, f"ledger-fast{over}") == from_pass_2(tshark, [
        "9 5 0 16384 11 0.002000000 13",
        "9 5 16384 16384 11 0.002000000 12",
        "10 6 0 16384 14 0.004000000 -",
        "16 7 16384 16384 18 0.002000000 19",
    ])
    assert late_blocks(tshark, f"ledger-fast{over}") == ["15 6 0 16 14"]
    assert unrejected(tshark, f"ledger-fast{over}") == from_pass_2(tshark, ["11 0", "14 0", "18 0"])


@over_both
def test_fast_needs_both(tshark, over):
    """BEP 6: the Fast extension is in force only when both sides have set its bit."""
    assert tshark.rows(f"ledger-one-sided-fast{over}", "frame.number bt.donthave.fast", where="bt.donthave") == ["10 0"]
    assert tshark.rows(f"ledger-fast{over}", "frame.number bt.donthave.fast", where="bt.donthave") == ["11 1", "14 1", "18 1"]
    assert ledger(tshark, f"ledger-one-sided-fast{over}") == ["10 5 1 16384 9"]
    assert unrejected(tshark, f"ledger-one-sided-fast{over}") == []


@over_both
def test_unrejected(tshark, over):
    """Rule 4: neither the rejected request nor the served one is left waiting, the third is."""
    assert ledger(tshark, f"ledger-unrejected{over}") == ["10 5 3 49152 9"]
    assert unrejected(tshark, f"ledger-unrejected{over}") == from_pass_2(tshark, ["10 1"])


@over_both
def test_the_same_block_asked_for_twice(tshark, over):
    """Rule 1: the newer request counts, with its length and its frame."""
    assert ledger(tshark, f"ledger-asked-twice{over}") == ["11 5 1 8192 10", "13 6 1 16384 12", "17 7 0 0 -"]
    assert invalidated(tshark, f"ledger-asked-twice{over}") == from_pass_2(tshark, [
        "10 5 0 8192 11 0.001000000 -",
        "12 6 0 16384 13 0.001000000 -",
    ])


@over_both
def test_requests_of_any_length(tshark, over):
    """The sum of the lengths has 64 bits; a request for no bytes is a request."""
    assert ledger(tshark, f"ledger-lengths{over}") == ["10 5 3 8589934590 9", "12 6 1 1 11"]


@over_both
def test_answered_requests(tshark, over):
    """Rule 2: what was served or cancelled is not invalidated."""
    assert ledger(tshark, f"ledger-answered{over}") == ["12 5 1 16384 9", "15 6 0 0 -"]
    assert invalidated(tshark, f"ledger-answered{over}") == from_pass_2(tshark, ["9 5 32768 16384 12 0.003000000 -"])


@over_both
def test_answers_to_something_else(tshark, over):
    """Rule 2: only the same block ends a request, and only from the right side."""
    assert ledger(tshark, f"ledger-wrong-answers{over}") == ["13 5 1 16384 9"]


@over_both
def test_choke_without_fast(tshark, over):
    """Rule 3: all requests are gone, those for other pieces too."""
    assert ledger(tshark, f"ledger-choke-no-fast{over}") == ["11 5 0 0 -", "14 6 1 16384 13"]


@over_both
def test_choke_with_fast(tshark, over):
    """Rule 3: each request is rejected by name, before the DontHave or after it."""
    assert ledger(tshark, f"ledger-choke-fast{over}") == ["11 5 1 16384 9", "15 6 0 0 -"]
    assert rejects(tshark, f"ledger-choke-fast{over}") == ["13 5 0 16384 9"]


@over_both
def test_second_dont_have(tshark, over):
    """Rule 4: nothing is invalidated twice. Rule 6: the first DontHave since the last Have made the requests late."""
    assert ledger(tshark, f"ledger-second{over}") == ["10 5 1 16384 9", "11 5 0 0 -", "13 5 1 16384 12", "16 5 1 16384 14"]
    assert late_requests(tshark, f"ledger-second{over}") == [
        "12 5 16384 16384 10 0",
        "14 5 32768 16384 10 0",
        "17 5 0 16384 16 0",
    ]
    assert reannounced(tshark, f"ledger-second{over}") == ["15 5 10"]


@over_both
def test_second_dont_have_with_fast(tshark, over):
    """Rule 4: requests that await their Reject are not invalidated again. (The 9 is what the Rejects point at.)"""
    assert ledger(tshark, f"ledger-second-fast{over}") == ["10 5 2 32768 9", "11 5 0 0 9", "12 5 0 0 9"]
    assert rejects(tshark, f"ledger-second-fast{over}") == ["11 5 0 16384 9", "12 5 16384 16384 9"]
    assert unrejected(tshark, f"ledger-second-fast{over}") == from_pass_2(tshark, ["10 0", "11 0", "12 0"])


@over_both
def test_taken_back(tshark, over):
    """Rule 5: each piece that is taken back has an item, which points at the DontHave; then its requests are not late."""
    assert reannounced(tshark, f"ledger-reannounced{over}") == ["11 5 9", "14 6 9", "14 7 9", "15 8 9", "15 9 9"]
    assert late_requests(tshark, f"ledger-reannounced{over}") == []


@over_both
def test_many_taken_back_at_once(tshark, over):
    """Rule 5: one Bitfield takes sixty back, in the order of the pieces, each from its own DontHave."""
    assert reannounced(tshark, f"ledger-reannounced-many{over}") == [
        *(f"11 {piece} {9 if piece < 20 else 10}" for piece in range(60)),
        *(f"13 {piece} 12" for piece in range(3)),
    ]


@pytest.mark.parametrize("capture", ["ledger-late", "ledger-late-wrap", "ledger-late-wrap-behind"])
def test_late_and_crossed(tshark, capture):
    """Rules 6 and 7: whether a late Request crossed the DontHave is a matter of its ACK number, which wraps at 2^32."""
    assert ledger(tshark, capture) == ["9 5 0 0 -", "14 5 2 32768 11,12", "17 5 1 16384 15"]
    assert late_requests(tshark, capture) == [
        "10 5 0 16384 9 1",
        "11 5 16384 16384 9 1",
        "12 5 32768 16384 9 0",
        "15 5 49152 16384 9 0",
        "18 5 65536 16384 17 1",
        "19 5 65536 16384 17 0",
    ]
    assert late_blocks(tshark, capture) == ["13 5 0 16 9", "20 5 65536 16 17"]
    assert reannounced(tshark, capture) == ["16 5 9"]


def test_late_and_crossed_over_utp(tshark):
    """Rule 6 over uTP: ack_nr counts packets, and wraps at 2^16; a DontHave in two packets needs both acknowledged."""
    assert ledger(tshark, "ledger-late-only-utp") == ["9 5 0 0 -", "13 5 1 16384 11", "17 5 1 16384 14"]
    assert late_requests(tshark, "ledger-late-only-utp") == [
        "10 5 0 16384 9 1",
        "11 5 32768 16384 9 0",
        "14 5 49152 16384 9 0",
        "18 5 65536 16384 17 1",
        "19 5 65536 16384 17 0",
    ]
    assert late_blocks(tshark, "ledger-late-only-utp") == ["12 5 0 16 9"]


def test_late_and_split(tshark):
    """Rule 6: the ACK number is that of the packet which completes the Request, and must cover the last byte."""
    assert ledger(tshark, "ledger-late-split") == ["10 5 0 0 -"]
    assert late_requests(tshark, "ledger-late-split") == ["12 5 0 16384 10 0", "14 5 16384 16384 10 1"]


@over_both
def test_asking_again_ends_the_wait(tshark, over):
    """Rule 4, with Fast: the Reject of frame 12 answers the new request, which was outstanding; Cancel ends no wait."""
    assert ledger(tshark, f"ledger-late-fast{over}") == ["10 5 1 16384 9", "14 5 1 16384 13"]
    assert late_requests(tshark, f"ledger-late-fast{over}") == ["11 5 0 16384 10 0", "13 5 0 16384 10 0"]
    assert rejects(tshark, f"ledger-late-fast{over}") == ["16 5 0 16384 13"]
    assert unrejected(tshark, f"ledger-late-fast{over}") == from_pass_2(tshark, ["10 0", "14 0"])


@over_both
def test_both_sides_at_once(tshark, over):
    """Each side has a ledger of its own, for the same piece and block."""
    assert ledger(tshark, f"ledger-both-ways{over}") == ["12 5 1 16384 10", "13 5 1 16384 11", "19 6 0 0 -"]
    assert late_requests(tshark, f"ledger-both-ways{over}") == ["14 5 16384 16384 13 0", "15 5 16384 16384 12 0"]
    assert reannounced(tshark, f"ledger-both-ways{over}") == ["16 5 12"]
    assert late_blocks(tshark, f"ledger-both-ways{over}") == ["17 5 0 16 13"]


@over_both
def test_connections_do_not_mix(tshark, over):
    """Twenty connections ask for the same blocks at the same time."""
    assert ledger(tshark, f"ledger-interleaved{over}") == [
        f"{201 + number} 5 {requests} {requests * 16384} {161 + number}"
        for number in range(20) for requests in [2 - number % 2 + (number == 5)]]


@over_both
def test_forty_messages_in_a_frame(tshark, over):
    """Every message has a record of its own."""
    both = [2 - piece % 2 for piece in range(40)]
    assert ledger(tshark, f"ledger-forty{over}") == [" ".join([
        "11",
        ",".join(map(str, range(40))),
        ",".join(map(str, both)),
        ",".join(str(16384 * requests) for requests in both),
        ",".join("9,10" if requests == 2 else "9" for requests in both)])]
    assert late_requests(tshark, f"ledger-forty{over}") == [f"12 {piece} 0 16384 11 0" for piece in range(40)]
    assert reannounced(tshark, f"ledger-forty{over}") == [f"13 {piece} 11" for piece in range(20)]
    assert late_blocks(tshark, f"ledger-forty{over}") == [f"13 {piece} 0 16 11" for piece in range(20, 40)]
    assert invalidated(tshark, f"ledger-forty{over}") == from_pass_2(tshark, [
        *(f"9 {piece} 0 16384 11 0.002000000 -" for piece in range(40)),
        *(f"10 {piece} 16384 16384 11 0.001000000 -" for piece in range(0, 40, 2)),
    ])


@over_both
def test_requests_before_the_extension_handshake(tshark, over):
    """Rule 1: a Request counts from the beginning of the connection, whatever is negotiated later."""
    assert ledger(tshark, f"ledger-early-requests{over}") == ["11 5 1 16384 7", "12 6 0 0 -"]


def test_connection_from_the_middle(tshark):
    """What was captured counts; what was not is unknown, and no fault of anybody."""
    assert ledger(tshark, "ledger-from-the-middle", *FALLBACK) == ["3 5 1 16384 2", "4 6 0 0 -"]
    assert late_requests(tshark, "ledger-from-the-middle", *FALLBACK) == ["5 6 0 16384 4 0"]
    assert late_blocks(tshark, "ledger-from-the-middle", *FALLBACK) == ["6 6 16384 16 4"]
    assert reannounced(tshark, "ledger-from-the-middle", *FALLBACK) == ["7 6 4"]


def test_only_the_owner_was_captured(tshark):
    """No request was seen, so none was invalidated and no Reject answers one."""
    assert ledger(tshark, "ledger-seed-only", *FALLBACK) == ["5 5 0 0 -"]
    assert rejects(tshark, "ledger-seed-only", *FALLBACK) == []
    assert late_blocks(tshark, "ledger-seed-only", *FALLBACK) == ["7 5 0 16 5"]
    assert reannounced(tshark, "ledger-seed-only", *FALLBACK) == ["8 5 5"]


def test_only_the_asker_was_captured(tshark):
    """Nothing happened to the requests that anybody saw."""
    assert ledger(tshark, "ledger-leecher-only", *FALLBACK) == []
    assert invalidated(tshark, "ledger-leecher-only", *FALLBACK) == []
    assert late_requests(tshark, "ledger-leecher-only", *FALLBACK) == []


@over_both
def test_other_lengths_change_nothing(tshark, over):
    """Rule 9: after a payload of five bytes the piece is not disowned and the request still outstanding."""
    assert tshark.rows(f"ledger-other-lengths{over}", "frame.number", where="bt.donthave") == ["10", "13"]
    assert ledger(tshark, f"ledger-other-lengths{over}")[1] == "13 5 1 16384 12"
    assert late_blocks(tshark, f"ledger-other-lengths{over}") == []
    assert late_requests(tshark, f"ledger-other-lengths{over}") == []


@pytest.mark.parametrize("options", [["-Y", "bt.donthave"], ["-R", "bt.donthave || bittorrent", "-Y", "bt.donthave"]])
def test_filters_do_not_change_the_ledger(two_passes, options):
    """A read filter or a display filter chooses frames; state is kept for all."""
    printed = two_passes.read("ledger-no-fast", *options, "-T", "fields", "-e", "bt.donthave.piece_index",
                              "-e", "bt.donthave.requests")
    assert printed.split() == ["5", "2", "6", "0", "7", "2"]
