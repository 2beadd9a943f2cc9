"""What careless or hostile peers send is named, and breaks nothing: the captures of captures/generate/bad_input.py.

That no frame becomes malformed is checked with every row, and that nothing of the stock output is lost in
test_stock_output.py.
"""

from rows import dont_haves, negotiated, pieces

GOOD = "5 3 6 0 0"


def test_payloads_that_are_not_four_bytes(tshark):
    """Each is shown as a DontHave and flagged with `length`; it does not disturb the good ones."""
    assert tshark.rows("bad-lengths", "frame.number", where="bt.donthave") == ["9", "10", "11", "12", "13", "14", "15"]
    assert tshark.experts("bad-lengths") == [
        "9 length", "10 length", "11 length", "12 length", "13 length", "15 length", "15 length"]
    assert pieces(tshark, "bad-lengths")[5] == "14 5"
    assert "6" in pieces(tshark, "bad-lengths")[6].split()[1].split(",")


def test_short_payloads_have_no_piece(tshark):
    """An index is shown only where its four bytes are there."""
    assert pieces(tshark, "bad-lengths")[:3] == ["9 -", "10 -", "11 -"]


def test_bencoded_payloads(tshark):
    """A payload that looks bencoded raises `bencoded`, and not `length` as well."""
    assert tshark.rows("bad-bencoded", "frame.number", where="bt.donthave") == ["9", "10", "11"]
    assert tshark.experts("bad-bencoded") == ["9 bencoded", "10 bencoded"]


def test_length_prefix_of_4_gib(tshark):
    """What comes before it in the segment is found; nothing is made up from what comes after."""
    assert pieces(tshark, "bad-prefix") == ["9 5", "10 6"]
    assert pieces(tshark, "bad-prefix-first") == []


def test_handshakes_cut_short(tshark):
    """They are named, and the ids that were agreed on before stay."""
    assert tshark.experts("bad-handshake-cut") == [f"{frame} bad_handshake" for frame in (9, 10, 11, 12)]
    assert dont_haves(tshark, "bad-handshake-cut") == [f"13 10.0.0.2 {GOOD}"]


def test_handshakes_that_are_no_dictionary(tshark):
    assert tshark.experts("bad-handshake-kinds") == [f"{frame} bad_handshake" for frame in (9, 10, 11, 12, 13)]
    assert dont_haves(tshark, "bad-handshake-kinds") == [f"14 10.0.0.2 {GOOD}"]


def test_handshakes_nested_without_end(tshark):
    """Nesting beyond 32 is refused, however deep; eight levels are fine."""
    assert tshark.experts("bad-handshake-deep") == [f"{frame} bad_handshake" for frame in (9, 10, 11, 12)]
    assert dont_haves(tshark, "bad-handshake-deep") == [f"14 10.0.0.2 {GOOD}"]


def test_integers_of_forty_digits(tshark):
    """They are good bencoding: harmless beside lt_donthave, and no id for it."""
    assert dont_haves(tshark, "bad-handshake-digits") == [f"9 10.0.0.2 {GOOD}"]
    assert negotiated(tshark, "bad-handshake-digits") == ["6 3", "7 7"]
    assert tshark.experts("bad-handshake-digits") == ["10 bad_id"]


def test_values_that_are_no_id(tshark):
    """A string, -1, 256, a list and a dictionary are named, and assign nothing."""
    assert tshark.experts("bad-ids") == [f"{frame} bad_id" for frame in (6, 9, 10, 11, 12)]
    assert negotiated(tshark, "bad-ids") == ["7 7"]
    assert dont_haves(tshark, "bad-ids") == []


def test_m_that_is_no_dictionary(tshark):
    assert negotiated(tshark, "bad-m") == []
    assert dont_haves(tshark, "bad-m") == []


def test_connection_that_ends_within_the_handshake(tshark):
    assert dont_haves(tshark, "bad-handshake-68") == []
    assert tshark.experts("bad-handshake-68") == []
