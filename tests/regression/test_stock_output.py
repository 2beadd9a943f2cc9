"""What tshark shows without the plugin is all still there with it.

Starting tshark takes longer than reading a capture, so all captures are read at once, one behind the other.
"""

import re

import pytest

import capture as captures
from many import Many
from tshark import OUR_MALFORMED, ROOT

# Stock framing loses the stream in these, so that its own lines are about the wrong bytes; ours finds the messages.
BETTER = {
    "framing-after-prefix": "segment that ends after a length prefix",
    "framing-bytes": "the same",
    "framing-split": "the same",
    "framing-split-behind": "the same",
    "framing-other-ids": "message ids that the built-in dissector does not know",
    "framing-metadata-block": "message longer than the built-in dissector expects",
    "framing-large-piece": "the same",
    "framing-gaps": "missing packets",
    "framing-gap-zeros": "the same",
    "framing-out-of-order": "packets out of order",
    "framing-snaplen": "packets cut short",
    "framing-overlap": "segments that overlap, which Wireshark 4.6 reads from their first byte",
    "bad-handshake-deep": "message longer than the built-in dissector expects",
    "bad-prefix": "length prefix that cannot be",
    "bad-prefix-first": "the same",
}

SYNTHETIC = [name.partition(".")[0] for name in sorted(captures.CAPTURES)]
REAL = sorted((ROOT / "captures").glob("*.pcapng.gz"))
OVER_UTP = [name for name in SYNTHETIC if "utp" in name or name == "anomaly-limit-order"]


@pytest.fixture(scope="module")
def everything(staging):
    return Many(staging, [*SYNTHETIC, *REAL]).path


@pytest.fixture(scope="module")
def comparable(staging):
    """All over TCP that stock tshark dissects right: it leaves uTP alone, which the plugin does not."""
    synthetic = [name for name in SYNTHETIC if name not in BETTER and name not in OVER_UTP]
    return Many(staging, [*synthetic, *(path for path in REAL if "utp" not in path.name)]).path


HEURISTICS_OFF = [part for heuristic in ("bt_peer_tcp", "bt_peer_utp", "bt_peer_webrtc", "bt_peer_sctp",
                                                  "lt_donthave_bittorrent")
                  for part in ("--disable-heuristic", heuristic)]


@pytest.mark.parametrize("form", [[], ["-V"]], ids=["list", "tree"])
@pytest.mark.parametrize("off", [["--disable-protocol", "bt.peer"], HEURISTICS_OFF], ids=["protocol", "heuristics"])
def test_switched_off_it_is_stock(tshark, everything, off, form):
    """Without its protocol, or without its heuristics, tshark prints what it prints without the plugin, byte for byte."""
    same(tshark.read(everything, *off, *form), tshark.stock(everything, *form))


def test_without_bt_donthave_the_rest_stays(tshark, comparable):
    """--disable-protocol bt.donthave hides what is bt.donthave's, and nothing else."""
    off = ["--disable-protocol", "bt.donthave"]
    stock, ours = (frames(tshark.stock(comparable, "-V")), frames(tshark.read(comparable, "-V", *off)))
    assert len(stock) == len(ours)
    differing = {tuple(line for line in found.splitlines() if line not in before.splitlines())
                 for before, found in zip(stock, ours) if before != found}
    # The wrapper's heuristic claims a connection: that is a layer. What is put together has an item of bt.peer.
    allowed = re.compile(r"\s*\[(Protocols in frame: .*bt\.peer|Reassembled BitTorrent message|Packet: |"
                         r"Expert Info \(Note/Sequence\)|Severity level: Note|Group: Sequence)|\s*\[?.*of this peer's? ")
    assert [line for lines in differing for line in lines if not allowed.match(line)] == []


def same(printed, stock):
    """Compare long texts without pytest's own comparison, which takes minutes."""
    if printed == stock:
        return
    for number, lines in enumerate(zip(printed.splitlines(), stock.splitlines()), 1):
        assert lines[0] == lines[1], f"line {number}"
    assert len(printed) == len(stock)


def frames(printed):
    """What -V prints of each frame."""
    return printed.split("\nFrame ")


def missing(stock, ours):
    """The lines of `stock` that are not in `ours`, in their order."""
    remaining = iter(ours)
    return [line for line in stock if "[Protocols in frame: " not in line and line not in remaining]


@pytest.mark.parametrize("option", ["bittorrent.desegment:TRUE", "bittorrent.desegment:FALSE"])
def test_tree_keeps_every_line(tshark, comparable, option):
    """-V differs by our items and the line `Protocols in frame` only; nothing is taken away or changed.

    So also where the user wants no messages put together from several segments.
    """
    stock, ours = (frames(read(comparable, "-V", "-o", option)) for read in (tshark.stock, tshark.read))
    assert len(stock) == len(ours)
    lost = {before.partition(":")[0]: missing(before.splitlines(), after.splitlines())
            for before, after in zip(stock, ours) if before != after}
    assert {frame: lines for frame, lines in lost.items() if lines} == {}


def without_ours(line):
    """A line of the packet list without blanks, our texts, and Extended, in whose place ours stands."""
    return "".join(re.sub(r"DontHave( Piece=\d+)?( \([^)]*\))?|Extended", "", line).split())


def test_list_keeps_every_line(tshark, comparable):
    """In the packet list, ours stands in the place of the message's Extended, and nothing else changes."""
    stock, ours = tshark.stock(comparable).splitlines(), tshark.read(comparable).splitlines()
    assert len(stock) == len(ours)
    assert [(before, after) for before, after in zip(stock, ours) if without_ours(after) != without_ours(before)] == []


def test_layers_below_say_the_same(tshark, everything):
    """Addresses, ports, sequence numbers and analysis of TCP, and the header of UDP, on every capture."""
    below = ("frame.number frame.len eth.src ip.src ip.dst tcp.seq tcp.ack tcp.len tcp.flags tcp.analysis.flags "
             "udp.port udp.length")
    columns = [part for field in below.split() for part in ("-e", field)]
    same(tshark.read(everything, "-T", "fields", *columns), tshark.stock(everything, "-T", "fields", *columns))


@pytest.mark.parametrize("options", [
    [],
    ["-o", "tcp.desegment_tcp_streams:FALSE"],
    ["-o", "tcp.reassemble_out_of_order:TRUE"],
    ["-o", "tcp.analyze_sequence_numbers:FALSE"],
], ids=lambda options: options[-1] if options else "default")
def test_no_new_malformed_frame(tshark, everything, options):
    """Nothing that we do makes a packet look malformed, unless our own expert item says so."""
    printed = [*options, "-T", "fields", "-e", "frame.number", "-Y"]
    ours = " && ".join(f"!{field}" for field in OUR_MALFORMED)
    with_plugin = tshark.read(everything, *printed, f"_ws.malformed && {ours}").split()
    stock = tshark.stock(everything, *printed, "_ws.malformed").split()
    assert set(with_plugin) <= set(stock)
