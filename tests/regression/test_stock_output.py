"""What tshark shows without the plugin is all still there with it.

Starting tshark takes longer than reading a capture, so all captures are read at once, one after another.
"""

import re

import pytest

import capture as captures
from capture import Trace
from many import Many
from peer_wire import extended, have, piece
from session import begin
from tshark import OUR_MALFORMED, ROOT

# Stock framing loses the stream in these, so that its own lines are about the wrong bytes; ours finds the messages.
BETTER = {
    "framing-after-prefix": "segment that ends after a length prefix",
    "framing-bytes": "the same",
    "framing-split": "the same",
    "framing-split-after": "the same",
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
    """All over TCP that stock tshark dissects right: it leaves uTP and what comes after MSE alone, which the plugin does
    not."""
    synthetic = [name for name in SYNTHETIC if name not in BETTER and name not in OVER_UTP and not name.startswith("mse-")]
    return Many(staging, [*synthetic, *(path for path in REAL if "utp" not in path.name)]).path


HEURISTICS_OFF = [part for heuristic in ("bt_peer_tcp", "bt_peer_utp", "bt_peer_webrtc", "bt_peer_sctp",
                                                  "lt_donthave_bittorrent")
                  for part in ("--disable-heuristic", heuristic)]


# The line of the packet list and the tree of each packet.
LIST_AND_TREE = ["-P", "-V"]


@pytest.mark.parametrize("off", [["--disable-protocol", "bt.peer"], HEURISTICS_OFF], ids=["protocol", "heuristics"])
def test_switched_off_it_is_stock(tshark, everything, off):
    """Without its protocol, or without its heuristics, tshark prints what it prints without the plugin, byte for byte."""
    same(tshark.read(everything, *off, *LIST_AND_TREE, text=False), tshark.stock(everything, *LIST_AND_TREE, text=False))


def test_without_bt_donthave_the_rest_stays(tshark, comparable):
    """--disable-protocol bt.donthave hides what is bt.donthave's, and nothing else."""
    off = ["--disable-protocol", "bt.donthave"]
    stock, ours = (frames(printed) for printed in (tshark.stock(comparable, "-V", text=False),
                                                   tshark.read(comparable, "-V", *off, text=False)))
    assert len(stock) == len(ours)
    differing = {line.decode() for before, found in zip(stock, ours) if before != found
                 for line in set(found.splitlines()) - set(before.splitlines())}
    # The wrapper's heuristic claims a connection: that is a layer. What is put together has an item of bt.peer.
    allowed = re.compile(r"\s*\[(Protocols in frame: .*bt\.peer|Reassembled BitTorrent message|Packet: |"
                         r"Expert Info \(Note/Sequence\)|Severity level: Note|Group: Sequence)|\s*\[?.*of this peer's? ")
    assert [line for line in differing if not allowed.match(line)] == []


@pytest.mark.parametrize("off", [["--disable-protocol", "bt.donthave"],
                                 ["--disable-heuristic", "lt_donthave_bittorrent"]], ids=["protocol", "heuristic"])
def test_nothing_of_bt_donthave_stays(two_passes, everything, off):
    """No field and no expert item of it, in any capture."""
    ours = [field for field in two_passes.our_fields() if field.startswith("bt.donthave.")]
    columns = [part for field in ["bt.donthave", *ours] for part in ("-e", field)]
    printed = two_passes.read(everything, *off, "-T", "fields", *columns)
    assert printed.split() == []


def same(printed, stock):
    """Compare long outputs without pytest's own comparison, which takes minutes."""
    if printed == stock:
        return
    for number, lines in enumerate(zip(printed.splitlines(), stock.splitlines()), 1):
        assert lines[0] == lines[1], f"line {number}"
    assert len(printed) == len(stock)


def frames(printed):
    """What -V prints of each frame; as bytes."""
    return printed.split(b"\nFrame ")


def missing(stock, ours):
    """The lines of `stock` that are not in `ours`, in their order."""
    remaining = iter(ours)
    return [line for line in stock if b"[Protocols in frame: " not in line and line not in remaining]


@pytest.mark.parametrize("options", [[], ["-o", "bittorrent.desegment:FALSE"]], ids=["default", "desegment off"])
def test_tree_keeps_every_line(tshark, comparable, options):
    """-V differs by our items and the line `Protocols in frame` only; nothing is taken away or changed.

    So also where the user wants no messages put together from several segments.
    """
    stock, ours = (frames(read(comparable, "-V", *options, text=False)) for read in (tshark.stock, tshark.read))
    assert len(stock) == len(ours)
    lost = {before.partition(b":")[0]: missing(before.splitlines(), after.splitlines())
            for before, after in zip(stock, ours) if before != after}
    assert {frame: lines for frame, lines in lost.items() if lines} == {}


def without_ours(line):
    """A line of the packet list without blanks, our texts and marks, and Extended, in whose place ours stands."""
    marks = r"\[(Invalidated by|Rejected in|Piece disowned in|Rejects) \d+\]"
    return "".join(re.sub(rf"DontHave( Piece=\d+)?( \([^)]*\))?|{marks}|Extended", "", line).split())


def test_list_keeps_every_line(tshark, comparable):
    """In the packet list, ours stands in the place of the message's Extended, marks come after the messages that they are
    about, and nothing else changes."""
    stock, ours = tshark.stock(comparable).splitlines(), tshark.read(comparable).splitlines()
    assert len(stock) == len(ours)
    assert [(before, after) for before, after in zip(stock, ours) if without_ours(after) != without_ours(before)] == []


def test_put_together_before_messages_are_found(tshark, tmp_path):
    """A capture that begins with the first part of a message, whose header alone proves nothing: the built-in dissector asks
    for the rest, and gets it."""
    trace = Trace()
    peers = trace.connect(trace, seed=("10.0.0.2", 6881), opened=False)
    peers.seed.send_cut(extended(3, b"x" * 900), at=[500])
    path = tmp_path / "middle.pcap"
    path.write_bytes(trace.pcap())
    assert "[2 Reassembled TCP Segments (906 bytes)" in tshark.stock(path, "-V")
    assert tshark.read(path, "-V") == tshark.stock(path, "-V")


def test_put_together_again(tshark, tmp_path):
    """A Have and a Piece that come again, in segments of another size: the built-in dissector puts the Piece together."""
    trace = Trace()
    peers = begin(trace)
    first, again = have(9), piece(1, 0, b"\xbe" * 3000)
    start = peers.seed.seq
    peers.seed.send(first)
    peers.seed.send_cut(again, at=[1400, 2800])
    end = peers.seed.seq
    for at in range(0, len(first + again), 1100):
        peers.seed.seq = start + at
        peers.seed.send((first + again)[at:at + 1100])
    assert peers.seed.seq == end
    path = tmp_path / "again.pcap"
    path.write_bytes(trace.pcap())
    options = ["-o", "tcp.analyze_sequence_numbers:FALSE"]
    assert "Piece, Idx:0x1," in tshark.stock(path, *options)
    assert tshark.read(path, *options) == tshark.stock(path, *options)


@pytest.mark.parametrize("options", [
    [],
    ["-o", "tcp.desegment_tcp_streams:FALSE"],
    ["-o", "tcp.reassemble_out_of_order:TRUE"],
    ["-o", "tcp.analyze_sequence_numbers:FALSE"],
], ids=lambda options: options[-1] if options else "default")
def test_layers_below_say_the_same(tshark, everything, options):
    """Addresses, ports, sequence numbers and analysis of TCP, and the header of UDP, on every capture.

    And nothing that we do makes a packet look malformed, unless our own expert item says so.
    """
    below = ("frame.number frame.len eth.src ip.src ip.dst tcp.seq tcp.ack tcp.len tcp.flags tcp.analysis.flags "
             "udp.port udp.length").split()

    def rows(read, *more):
        columns = [part for field in (*below, "_ws.malformed", *more) for part in ("-e", field)]
        return [line.split("\t") for line in read(everything, *options, "-T", "fields", *columns).splitlines()]

    ours, stock = rows(tshark.read, *OUR_MALFORMED), rows(tshark.stock)
    same(*("\n".join("\t".join(row[:len(below)]) for row in printed) for printed in (ours, stock)))
    already = {row[0] for row in stock if row[len(below)]}
    assert [row[0] for row in ours if row[len(below)] and not any(row[len(below) + 1:]) and row[0] not in already] == []
