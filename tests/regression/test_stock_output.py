"""What tshark shows without the plugin is all still there with it."""

import difflib
import re

import pytest

import capture as captures

ALL = sorted(captures.CAPTURES)

# Stock framing loses the stream in these, so that its own lines are about the wrong bytes; ours finds the messages.
BETTER = {
    "framing-after-prefix": "segment that ends after a length prefix",
    "framing-bytes": "the same",
    "framing-split": "the same",
    "framing-other-ids": "message ids that the built-in dissector does not know",
    "framing-metadata-block": "message longer than the built-in dissector expects",
    "framing-large-piece": "the same",
    "framing-gaps": "missing packets",
    "framing-no-reassembly": "without reassembly",
    "framing-out-of-order": "segments out of order",
    "framing-snaplen": "without reassembly",
    "bad-handshake-deep": "message longer than the built-in dissector expects",
    "bad-prefix": "length prefix that cannot be",
    "bad-prefix-first": "the same",
}

each_capture = pytest.mark.parametrize("name", [name.partition(".")[0] for name in ALL])


@each_capture
def test_switched_off_it_is_stock(tshark, name):
    """--disable-protocol bt.donthave gives back stock output byte for byte, in the packet list and in the tree."""
    for form in ([], ["-V"]):
        assert tshark.read(name, "--disable-protocol", "bt.donthave", *form) == tshark.stock(name, *form)


@each_capture
def test_without_its_heuristics_it_is_stock(tshark, name):
    """So does switching its heuristics off."""
    off = [part for heuristic in ("bt_peer_tcp", "bt_peer_utp", "lt_donthave_bittorrent")
           for part in ("--disable-heuristic", heuristic)]
    assert tshark.read(name, *off, "-V") == tshark.stock(name, "-V")


def without_protocols(lines):
    return [line for line in lines if "[Protocols in frame: " not in line]


@pytest.mark.parametrize("name", [name.partition(".")[0] for name in ALL if name.partition(".")[0] not in BETTER])
def test_tree_keeps_every_line(tshark, name):
    """-V differs by our items and the line `Protocols in frame` only."""
    stock = without_protocols(tshark.stock(name, "-V").splitlines())
    ours = without_protocols(tshark.read(name, "-V").splitlines())
    changes = [line for line in difflib.ndiff(stock, ours) if line[0] in "+-"]
    assert [line for line in changes if line[0] == "-"] == []


@pytest.mark.parametrize("name", [name.partition(".")[0] for name in ALL])
def test_no_frame_is_lost(tshark, name):
    """Where our framing does better than the stock one, the layers below still say the same."""
    below = "frame.number frame.len eth.src ip.src ip.dst tcp.seq tcp.ack tcp.len tcp.flags"
    columns = [part for field in below.split() for part in ("-e", field)]
    assert tshark.read(name, "-T", "fields", *columns) == tshark.stock(name, "-T", "fields", *columns)


@pytest.mark.parametrize("name", [name.partition(".")[0] for name in ALL])
def test_no_new_malformed_frame(tshark, name):
    """Nothing that we do makes a packet look malformed."""
    frames = ["-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]
    assert tshark.read(name, *frames) == tshark.stock(name, *frames)
