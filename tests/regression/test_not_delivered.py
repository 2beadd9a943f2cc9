"""Packets that say something of a connection and are none of it."""

import pytest

PIECES = "frame.number bt.donthave.piece_index"


@pytest.mark.parametrize("options", [[], ["-o", "tcp.no_subdissector_on_error:FALSE"]], ids=["default", "dissected"])
@pytest.mark.parametrize("capture", ["quoted", "quoted-utp"])
def test_what_icmp_quotes_was_not_received(tshark, capture, options):
    """DontHave 6 counts in the frame in which it is sent again, and DontHave 7 never came.

    So also where the user wants to see what TCP carries in a quoted packet.
    """
    assert tshark.rows(capture, PIECES, *options, where="bt.donthave") == ["9 5", "11 6"]


def test_what_icmp_quotes_is_not_the_next_of_the_stream(tshark):
    """Though its numbers fit."""
    options = ["-o", "tcp.no_subdissector_on_error:FALSE", "-o", "tcp.relative_sequence_numbers:FALSE"]
    assert tshark.rows("quoted-next", PIECES, *options, where="bt.donthave") == ["10 6"]


@pytest.mark.parametrize("capture", ["quoted", "quoted-utp"])
def test_what_icmp_quotes_is_no_packet_of_the_connection(two_passes, capture):
    """The FIN is the first packet after the DontHave, as ICMP came between."""
    printed = two_passes.read(capture, "-q", "-z", "expert,note")
    assert "The receiver closed the connection in frame 14, 1 packet after the DontHave" in printed


@pytest.mark.parametrize("defragment", ["TRUE", "FALSE"])
def test_fragments(tshark, defragment):
    """Where IP does not put a packet together it is missing: its first part alone would shift the stream after it."""
    assert tshark.rows("fragments-utp", PIECES, "-o", f"ip.defragment:{defragment}", where="bt.donthave") == ["14 5"]
