"""Which messages are DontHaves: the ids of captures/generate/ids.py.

A row is: frame, sender, piece, id, handshake that assigned the id, assumed?, Fast? The seed is 10.0.0.2.
"""

from rows import dont_haves, negotiated


def test_each_direction_has_its_own_id(tshark):
    """The receiver's handshake gives the id; the same number is another extension the other way."""
    assert dont_haves(tshark, "ids-both-ways") == [
        "9 10.0.0.2 5 3 6 0 0",
        "10 10.0.0.1 6 7 7 0 0",
        "13 10.0.0.2 8 3 6 0 0",
    ]
    assert negotiated(tshark, "ids-both-ways") == ["6 3", "7 7"]
    assert tshark.experts("ids-both-ways") == []


def test_one_side_may_advertise_nothing(tshark):
    """BEP 54: a peer that did not advertise lt_donthave may send it to one that did."""
    assert dont_haves(tshark, "ids-one-side-none") == ["9 10.0.0.2 5 3 6 0 0"]
    assert negotiated(tshark, "ids-one-side-none") == ["6 3"]
    assert tshark.experts("ids-one-side-none") == []


def test_without_an_offer_nothing_is_a_dont_have(tshark):
    """Four bytes after some id are no DontHave by themselves."""
    assert dont_haves(tshark, "ids-nobody") == []
    assert negotiated(tshark, "ids-nobody") == []
    assert tshark.experts("ids-nobody") == []


def test_a_later_handshake_renumbers(tshark):
    """From the second handshake on the new id counts, and the old one is what the handshake says it is."""
    assert dont_haves(tshark, "ids-renumbered") == [
        "9 10.0.0.2 5 3 6 0 0",
        "11 10.0.0.2 6 9 10 0 0",
    ]
    assert negotiated(tshark, "ids-renumbered") == ["6 3", "7 7", "10 9"]


def test_handshakes_add_up(tshark):
    """BEP 10: a handshake that does not mention lt_donthave leaves its id alone; the last one to give it counts."""
    assert dont_haves(tshark, "ids-kept") == [
        "10 10.0.0.2 5 3 6 0 0",
        "12 10.0.0.2 6 3 6 0 0",
        "14 10.0.0.2 7 3 13 0 0",
    ]
    assert negotiated(tshark, "ids-kept") == ["6 3", "7 7", "13 3"]


def test_id_0_switches_off(tshark):
    """BEP 10: id 0 means that the extension is no longer supported; a later handshake may bring it back."""
    assert dont_haves(tshark, "ids-switched-off") == [
        "9 10.0.0.2 5 3 6 0 0",
        "12 10.0.0.2 6 4 11 0 0",
    ]
    assert negotiated(tshark, "ids-switched-off") == ["6 3", "7 7", "10 0", "11 4"]


def test_an_id_means_nothing_before_its_handshake(tshark):
    assert dont_haves(tshark, "ids-before-handshake") == ["10 10.0.0.2 6 3 9 0 0"]


def test_handshakes_without_m(tshark):
    """A handshake without m, and an empty one, assign nothing and harm nothing."""
    assert dont_haves(tshark, "ids-without-m") == ["11 10.0.0.2 6 3 10 0 0"]
    assert negotiated(tshark, "ids-without-m") == ["10 3"]
    assert tshark.experts("ids-without-m") == []


def test_two_hundred_extensions(tshark):
    assert dont_haves(tshark, "ids-200-extensions") == [
        "9 10.0.0.2 5 137 6 0 0",
        "11 10.0.0.1 6 200 7 0 0",
    ]
    assert negotiated(tshark, "ids-200-extensions") == ["6 137", "7 200"]
    assert tshark.experts("ids-200-extensions") == []


def test_keys_in_any_order(tshark):
    """Only m of the outermost dictionary counts, wherever it stands and whatever stands around it."""
    assert dont_haves(tshark, "ids-any-order") == [
        "9 10.0.0.2 5 3 6 0 0",
        "10 10.0.0.1 6 7 7 0 0",
    ]
    assert negotiated(tshark, "ids-any-order") == ["6 3", "7 7"]
    assert tshark.experts("ids-any-order") == []


def test_other_names_are_never_taken_for_dont_have(tshark):
    """Neither a number that other clients use for lt_donthave nor a payload of four bytes makes one."""
    assert dont_haves(tshark, "ids-other-names") == ["10 10.0.0.2 5 12 6 0 0"]
    assert tshark.experts("ids-other-names") == []


def test_smallest_and_largest_id(tshark):
    assert dont_haves(tshark, "ids-edges") == [
        "9 10.0.0.2 5 1 6 0 0",
        "10 10.0.0.1 6 255 7 0 0",
    ]
    assert tshark.experts("ids-edges") == []
