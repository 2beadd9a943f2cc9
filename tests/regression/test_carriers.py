"""Link layers, ports and preferences: the captures of captures/generate/carriers.py.

A row is: frame, sender, piece, id, handshake that assigned the id, assumed?, Fast?
"""

import itertools
import struct

import pytest

from many import INTERFACE, PACKET, SECTION, block, contents, find, packets
from rows import DONT_HAVE, dont_haves, pieces

STORY = ["9 10.0.0.2 5 3 6 0 0", "10 10.0.0.1 6 7 7 0 0"]


@pytest.mark.parametrize("capture", ["carrier-ipv4", "carrier-vlan", "carrier-raw-ip", "carrier-cooked"])
def test_link_layers(tshark, capture):
    assert dont_haves(tshark, capture) == STORY


@pytest.mark.parametrize("capture", ["carrier-ipv6", "carrier-raw-ipv6"])
def test_ipv6(tshark, capture):
    rows = tshark.rows(capture, DONT_HAVE.replace("ip.src", "ipv6.src"), where="bt.donthave")
    assert rows == ["9 2001:db8::2 5 3 6 0 0", "10 2001:db8::1 6 7 7 0 0"]


def test_handshake_of_one_side_is_enough(tshark):
    """Where one handshake comes in parts too short to be known by, the other one claims the conversation."""
    assert dont_haves(tshark, "carrier-handshake-split") == ["10 10.0.0.2 5 3 7 0 0", "11 10.0.0.1 6 7 8 0 0"]


@pytest.mark.parametrize("options", [
    [],
    ["-o", "tcp.try_heuristic_first:TRUE"],
    ["-d", "tcp.port==27000,bittorrent"],
    ["-d", "tcp.port==6881,bittorrent"],
    ["-o", "bittorrent.tcp.port:20000-30000"],
    ["-o", "bittorrent.tcp.port:51400-51420"],
], ids=lambda options: options[-1] if options else "default")
@pytest.mark.parametrize("capture", ["carrier-ipv4", "port-6881", "port-6889", "port-51413"])
def test_every_way_to_the_dissector(tshark, capture, options):
    """The handshake, the ports 6881 to 6889, a port range of the preferences, Decode As, heuristics first: in every
    combination the messages come to us."""
    assert dont_haves(tshark, capture, *options) == STORY


LATE = ["1 10.0.0.2 5 3 - 1 0", "3 10.0.0.2 6 3 - 1 0"]
FALLBACK = ["-o", "bt.donthave.fallback_id:3"]


@pytest.mark.parametrize("capture, options", [
    ("late-port-6881", []),
    ("late-port-6881", ["-o", "tcp.try_heuristic_first:TRUE"]),
    ("late-port-51413", ["-o", "bittorrent.tcp.port:51413"]),
    ("late-port-51413", ["-o", "bittorrent.tcp.port:6881-6889,51400-51420"]),
    ("late-port-27000", ["-d", "tcp.port==27000,bittorrent"]),
    ("late-port-51413", ["-d", "tcp.port==51400-51420,bittorrent"]),
])
def test_fallback_id(tshark, capture, options):
    """A capture that begins after the handshakes: the preference says which id to assume, and each row says that it
    was assumed."""
    assert dont_haves(tshark, capture, *FALLBACK, *options) == LATE
    assert tshark.experts(capture, *FALLBACK, *options) == ["1 id_assumed", "3 id_assumed"]


@pytest.mark.parametrize("ids", ["3,7", "7, 3", "0,3", "1-3", "5-255,2-3"])
def test_fallback_ids(tshark, ids):
    """A list of ids: each counts. Two directions with two ids: the story two-fallbacks."""
    assert dont_haves(tshark, "late-port-6881", "-o", f"bt.donthave.fallback_id:{ids}") == LATE


@pytest.mark.parametrize("options", [[], *(["-o", f"bt.donthave.fallback_id:{ids}"] for ids in ("", "0", "5", "5-255", "0-2"))])
def test_nothing_is_assumed_unasked(tshark, options):
    """Without the preference, with 0, or with other numbers in it, a late capture has no DontHaves."""
    assert dont_haves(tshark, "late-port-6881", *options) == []
    assert tshark.experts("late-port-6881", *options) == []


@pytest.mark.parametrize("ids", ["256", "3,300", "seven"])
def test_fallback_id_out_of_range(one_pass, ids):
    """An id of an extended message is a byte: tshark refuses the option, and says which."""
    option = f"bt.donthave.fallback_id:{ids}"
    said = one_pass.everything(*one_pass.arguments("late-port-6881", "-o", option, "-Y", "bt.donthave"))
    assert f'Invalid -o flag "{option}"' in said
    assert "DontHave" not in said


def test_a_handshake_ends_the_assumption(tshark):
    """Where the receiver's handshake was captured, it alone counts; the other direction still has only the preference."""
    assert dont_haves(tshark, "late-then-handshake", *FALLBACK) == [
        "1 10.0.0.2 5 3 - 1 0",
        "3 10.0.0.2 6 9 2 0 0",
        "5 10.0.0.1 8 3 - 1 0",
    ]
    assert tshark.experts("late-then-handshake", *FALLBACK) == ["1 id_assumed", "5 id_assumed"]


def test_fallback_id_never_overrules_a_handshake(tshark):
    """With every handshake captured the preference changes nothing, even where it names another extension."""
    assert dont_haves(tshark, "ids-both-ways", "-o", "bt.donthave.fallback_id:7") == dont_haves(tshark, "ids-both-ways")
    assert tshark.experts("ids-both-ways", "-o", "bt.donthave.fallback_id:7") == []


def test_ports_used_again(tshark):
    """A second connection between the same ports knows nothing of the first one's ids."""
    assert dont_haves(tshark, "ports-reused") == ["9 10.0.0.2 5 3 6 0 0", "21 10.0.0.2 6 4 17 0 0"]
    assert dont_haves(tshark, "ports-reused-silent") == ["9 10.0.0.2 5 3 6 0 0"]


def test_ports_used_again_by_the_other_end(tshark):
    """So does one that the other end opens: Wireshark keeps it apart from those of the other order; some versions (4.4) hand on
    nothing of it."""
    handed_on = tshark.rows("ports-reused-turned", "frame.number", "--disable-protocol", "bt.peer",
                            where="frame.number == 16 && bittorrent")
    assert dont_haves(tshark, "ports-reused-turned") == [
        "9 10.0.0.2 5 3 6 0 0", *(["21 10.0.0.1 6 4 17 0 0"] if handed_on else []), "33 10.0.0.2 7 5 29 0 0"]


def test_many_connections_at_once(tshark):
    """Thirty connections, packet by packet in turn, each with ids of its own."""
    assert dont_haves(tshark, "interleaved") == [
        f"{151 + number} 10.0.0.2 {number} {number + 1} {91 + number} 0 0" for number in range(30)]


@pytest.fixture(scope="module")
def both_transports(staging):
    """A connection over TCP and one over uTP between the same ports, packet by packet in turn."""
    written = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(INTERFACE, struct.pack("<HHI", 1, 0, 0))]
    for both in itertools.zip_longest(*(packets(contents(find(name))) for name in ("carrier-ipv4", "utp-order"))):
        written += [block(PACKET, struct.pack("<IIIII", 0, 0, len(written), len(packet[3]), packet[2]) + packet[3])
                    for packet in both if packet]
    path = staging.folder / "both-transports.pcapng"
    path.write_bytes(b"".join(written))
    path.chmod(0o644)
    return path


def test_both_transports_between_the_same_ports(tshark, both_transports):
    """Each has a conversation of its own."""
    assert pieces(tshark, both_transports) == ["17 5", "19 6", "21 9,10,11", "25 12"]
