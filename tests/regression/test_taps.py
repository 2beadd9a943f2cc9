"""What the tap bt.donthave says. The statistics made from it: test_statistics.py."""

import re

import pytest

from expert_items import items
from many import ROOT


def test_statistics_name_the_connection(one_pass):
    """A DontHave of a wrong length is counted, and does nothing."""
    printed = one_pass.read("bad-lengths", "-q", "-z", "bt.donthave,tree")
    assert re.search(r"^ *10\.0\.0\.2:27000 to 10\.0\.0\.1:40000 +9 ", printed, re.M)
    assert re.search(r"^ *Not four bytes +4 ", printed, re.M)
    assert re.search(r"^Requests invalidated +0 ", printed, re.M)


@pytest.mark.parametrize("capture, said, later", [
    ("anomaly-late-block",
     ["10 donthave 5 0 0 1 16384 0 0", "11 late_block 5 0 16 0 0 0 10"],
     ["9 invalidated 5 0 16384 0 0 0 10"]),
    ("anomaly-late-request",
     ["9 donthave 5 0 0 0 0 0 0", "10 late_request 5 0 16384 0 0 0 9", "11 late_request 5 16384 16384 0 0 0 9"], []),
    ("anomaly-late-request-crossed",
     ["9 donthave 5 0 0 0 0 0 0", "10 crossed_request 5 0 16384 0 0 0 9"], []),
    ("clean-fast",
     ["11 donthave 5 0 0 1 16384 1 0", "11 rejected 5 16384 16384 0 0 0 9", "14 donthave 1 0 0 0 0 1 0",
      "15 reannounced 5 0 0 0 0 0 11", "19 donthave 6 0 0 0 0 1 0"],
     ["9 invalidated 5 16384 16384 0 0 0 11"]),
    ("bad-lengths",
     [*(f"{frame} donthave_bad 0 0 0 0 0 0 0" for frame in (9, 10, 11)),
      *(f"{frame} donthave_bad 5 0 0 0 0 0 0" for frame in (12, 13)),
      "14 donthave 5 0 0 0 0 0 0", "15 donthave_bad 0 0 0 0 0 0 0", "15 donthave 6 0 0 0 0 0 0",
      "15 donthave_bad 0 0 0 0 0 0 0"], []),
])
def test_items_that_a_listener_gets(tshark, capture, said, later):
    """Frame, event, piece, begin, length, requests, bytes, fast, linked frame; with -2 also what the future did."""
    assert sorted(tshark.probe(capture, "tap")) == sorted(said + (later if tshark.two_passes else []))


def test_a_listener_gets_what_the_fields_say(two_passes):
    """On a real capture, as many items of a kind as there are fields."""
    capture = ROOT / "captures" / "webtorrent_leecher.pcapng.gz"
    items = [item.split()[1] for item in two_passes.probe(capture, "tap")]
    fields = {"invalidated": "request", "late_request": "late_request", "rejected": "reject"}
    assert items.count("donthave") == 172
    assert {event: items.count(event) for event in fields} == \
        {event: len(two_passes.items(capture, kind, "piece_index")) for event, kind in fields.items()}


def test_a_listener_to_expert_items_gets_their_texts(tshark):
    """Also where there is no tree, as with Wireshark's own list of them: not what stands for all items of a kind."""
    capture = ROOT / "captures" / "webtorrent_short.pcapng.gz"
    printed = tshark.read(capture, "-q", plugins=tshark.staging.with_probe(False))
    told = [line.split(" ", 4) for line in printed.splitlines() if line.startswith("probe expert ")]
    expected = {(str(item.frame), item.text) for item in items(tshark, capture)}
    assert len(expected) > 5
    assert expected <= {(frame, text) for _, _, frame, _, text in told}
