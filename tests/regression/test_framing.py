"""No DontHave is lost, and none is counted twice: the captures of captures/generate/framing.py.

A row is: frame and piece. A message belongs to the frame that completes it.
"""

import framing
import pytest

from capture import Trace
from peer_wire import dont_have, extension_handshake, handshake, have, piece, request
from rows import pieces
from session import LEECHER_IDS, TO_LEECHER, begin, negotiate, offer
from tshark import PLUGINS


def numbered(*pairs):
    return [f"{frame} {piece}" for frame, piece in pairs]


def listed(numbers):
    return ",".join(map(str, numbers))


@pytest.mark.parametrize("capture", ["framing-split", "framing-split-after"])
def test_split_at_each_byte(tshark, capture):
    """A DontHave in two segments, cut at each of its nine byte boundaries, alone and among other messages."""
    assert pieces(tshark, capture) == numbered(*((8 + 2 * cut, cut) for cut in range(1, 10)))


def test_one_byte_a_segment(tshark):
    assert pieces(tshark, "framing-bytes") == ["18 5", "28 6"]


def test_segment_that_ends_after_the_length_prefix(tshark):
    assert pieces(tshark, "framing-after-prefix") == ["10 5,6", "11 7"]


def test_forty_messages_in_a_segment(tshark):
    assert pieces(tshark, "framing-forty") == [f"9 {listed(range(40))}", f"11 {listed(range(40, 60))}"]


def test_after_messages_that_few_programs_know(tshark):
    """Ids 18, 21, 22 and 23 of BEP 52, an id that nobody defined, and keep-alives."""
    assert pieces(tshark, "framing-other-ids") == ["9 1", "10 2", "11 3", "12 4", "13 5,6", "14 7", "15 8"]


def test_after_a_metadata_block(tshark):
    """16 KiB of ut_metadata, in one segment and in twelve."""
    assert pieces(tshark, "framing-metadata-block") == ["9 5", "21 6", "22 7"]


def test_after_a_large_piece(tshark):
    """512 KiB in one Piece, in segments as a capture with offload has them and in ordinary ones."""
    assert pieces(tshark, "framing-large-piece") == ["18 5", "19 6", "379 7", "380 8"]


RETRANSMISSION = ["9 5", "11 6", "14 7", "16 8"]


@pytest.mark.parametrize("options", [
    [],
    ["-o", "tcp.reassemble_out_of_order:TRUE"],
    ["-o", "tcp.analyze_sequence_numbers:FALSE"],
], ids=["default", "out of order", "no analysis"])
def test_retransmissions_count_once(tshark, options):
    """Whole segments again, parts of them, and several in one; also when TCP hands them to us twice."""
    assert pieces(tshark, "framing-retransmission", *options) == RETRANSMISSION


@pytest.mark.parametrize("options", [
    ["-o", "tcp.reassemble_out_of_order:TRUE"],
    ["-o", "tcp.analyze_sequence_numbers:FALSE"],
], ids=["out of order", "no analysis"])
def test_new_bytes_after_old_ones(tshark, options):
    """A segment that repeats a message and goes on with a new one, with the settings that show it to us."""
    assert pieces(tshark, "framing-overlap", *options) == ["9 5", "10 6", "11 7", "12 8"]


def test_segments_out_of_order(tshark):
    """DontHave 2 arrives late, and DontHave 3 with it; DontHave 5 is in three segments, the last first."""
    assert pieces(tshark, "framing-out-of-order", "-o", "tcp.reassemble_out_of_order:TRUE") == [
        "9 1", "11 2,3", "12 4", "15 5", "16 6"]


def test_segments_as_they_come(tshark):
    """Where Wireshark hands over what comes late, but does not put it in order, it is read in its place. What is missing at
    the end is counted on the second pass: frame 15 has it, but Wireshark takes it for a retransmission. Frame 13 may be the
    beginning of a message, and is put together with frame 16.

    4.6 withholds frame 11 at this setting as well, and the user is told so once."""
    options = ["-o", "tcp.no_subdissector_on_error:FALSE"]
    if (PLUGINS / "4.6").exists():
        assert pieces(tshark, "framing-out-of-order", *options) == ["9 1", "10 3", "12 4", "16 6"]
        assert tshark.rows("framing-out-of-order", "frame.number", *options, where="bt.peer.expert.gap") == ["10"]
        return
    assert pieces(tshark, "framing-out-of-order", *options) == ["9 1", "10 3", "11 2", "12 4", "16 6"]
    gaps = tshark.rows("framing-out-of-order", "frame.number", *options, where="bt.peer.expert.gap")
    assert gaps == (["16"] if tshark.two_passes else ["10", "13"])
    printed = tshark.read("framing-out-of-order", *options, "-V", "-Y", f"frame.number == {gaps[-1]}")
    missing = 3 if tshark.two_passes else 7
    assert f"{missing} bytes of this peer's stream are missing before this segment" in printed


def test_sent_again_in_another_cut(tshark, written):
    """What begins and ends within messages that were read asks TCP for nothing, which would withhold what comes next."""
    trace = Trace()
    peers = begin(trace)
    block = piece(5, block=bytes(500))
    peers.seed.skip(have(1), have(2))
    peers.seed.send(request(3))
    peers.seed.send(block, dont_have(TO_LEECHER, 5))
    rest = 300 + len(dont_have(TO_LEECHER, 5))
    peers.seed.send_again(request(3)[-4:], block[:-300], before=rest)
    last = peers.seed.send(dont_have(TO_LEECHER, 6))
    assert pieces(tshark, written(trace), "-o", "tcp.no_subdissector_on_error:FALSE") == [f"{last - 2} 5", f"{last} 6"]


@pytest.mark.parametrize("capture", ["framing-split", "framing-split-after", "framing-bytes"])
def test_split_without_reassembly(tshark, capture):
    """Where TCP does not put segments together, nothing is stepped over that belongs to a message which is no block."""
    assert pieces(tshark, capture, "-o", "tcp.desegment_tcp_streams:FALSE") == pieces(tshark, capture)


WITHOUT_REASSEMBLY = ["9 1,2", "13 3", "16 4", "17 5", "20 6", "21 7"]


@pytest.mark.parametrize("option", [
    "tcp.desegment_tcp_streams:TRUE",
    "tcp.desegment_tcp_streams:FALSE",
    "bittorrent.desegment:FALSE",
])
def test_without_reassembly(tshark, option):
    """Sync survives blocks that TCP does not put together, and finds the DontHave after the end of one."""
    assert pieces(tshark, "framing-no-reassembly", "-o", option) == WITHOUT_REASSEMBLY


@pytest.mark.parametrize("option", ["tcp.desegment_tcp_streams:TRUE", "tcp.desegment_tcp_streams:FALSE"])
def test_packets_cut_to_96_bytes(tshark, option):
    """Every DontHave within the captured bytes is found; number 6 is not among them."""
    assert pieces(tshark, "framing-snaplen", "-o", option) == [row for row in WITHOUT_REASSEMBLY if row != "20 6"]


def test_missing_packets(tshark):
    """3 % of the packets are missing; every DontHave whose segment was captured is found, none is made up."""
    found = tshark.rows("framing-gaps", "bt.donthave.piece_index", where="bt.donthave")
    assert found == [str(piece) for piece in framing.gaps_found()]


@pytest.mark.parametrize("option", ["tcp.desegment_tcp_streams:TRUE", "tcp.desegment_tcp_streams:FALSE"])
def test_gap_in_a_block_of_zeros(tshark, option):
    """Zeros look like keep-alives, one after another; they do not lead astray."""
    assert pieces(tshark, "framing-gap-zeros", "-o", option) == ["15 1", "22 2,3"]


def test_missing_packets_without_reassembly(tshark):
    found = tshark.rows("framing-gaps", "bt.donthave.piece_index", "-o", "tcp.desegment_tcp_streams:FALSE",
                        where="bt.donthave")
    assert found == [str(piece) for piece in framing.gaps_found()]


@pytest.mark.parametrize("option", ["tcp.analyze_sequence_numbers:TRUE", "tcp.analyze_sequence_numbers:FALSE"])
@pytest.mark.parametrize("cuts", [*([cut] for cut in range(1, 10)), [1, 4, 6], range(1, 10)], ids=str)
def test_cut_after_a_hole(tshark, written, cuts, option):
    """The first message after a hole is a DontHave, in segments each of which is too short to tell that messages begin there."""
    trace = Trace()
    peers = begin(trace)
    peers.seed.skip(have(1))
    ends = peers.seed.send_cut(dont_have(TO_LEECHER, 5), at=cuts)
    last = peers.seed.send(have(2), dont_have(TO_LEECHER, 6))
    path = written(trace)
    assert tshark.rows(path, "frame.number bt.donthave.piece_index", "-o", option, where="bt.donthave") == [
        f"{ends} 5", f"{last} 6"]
    missing = tshark.rows(path, "frame.number", "-o", option, where="bt.peer.expert.gap")
    assert missing == [str(ends if tshark.two_passes else ends - len(cuts))]


@pytest.mark.parametrize("begins", [dont_have(TO_LEECHER, 5)[:6], bytes(3)], ids=["message", "block"])
@pytest.mark.parametrize("lost", [b"", have(1)], ids=["goes-on", "hole"])
def test_beginning_without_its_end_after_a_hole(tshark, written, begins, lost):
    """After a hole, what may be the beginning of a message is not: the DontHave after it counts all the same."""
    trace = Trace()
    peers = begin(trace)
    peers.seed.skip(have(1))
    peers.seed.send(begins)
    peers.seed.skip(lost)
    frames = [peers.seed.send(dont_have(TO_LEECHER, number)) for number in (6, 7)]
    assert tshark.rows(written(trace), "frame.number bt.donthave.piece_index", where="bt.donthave") == [
        f"{frames[0]} 6", f"{frames[1]} 7"]


@pytest.mark.parametrize("cuts", [[1, 4, 12, 42, 65], [1, 2, 3], [5, 10, 15], [4, 19]], ids=str)
def test_handshake_in_small_parts(tshark, written, cuts):
    """The seed's handshake, in segments of which the first together are too short to tell that it is one."""
    trace = Trace()
    peers = trace.connect(trace)
    peers.leecher.send(handshake("-LE0001-", fast=True))
    ends = peers.seed.send_cut(handshake("-SE0001-", fast=True), at=cuts)
    negotiate(peers)
    offer(peers)
    asked = peers.leecher.send(request(5))
    last = peers.seed.send(dont_have(TO_LEECHER, 5))
    path = written(trace)
    assert tshark.rows(path, "frame.number bt.donthave.fast bt.donthave.request_in", where="bt.donthave") == [
        f"{last} 1 {asked}"]
    shown = tshark.read(path, "-Y", "bittorrent.peer_id", "-T", "fields", "-e", "frame.number")
    assert shown.split() == ["4", str(ends)]


@pytest.mark.parametrize("cuts", [[6, 7, 8], [5, 9, 30]], ids=str)
def test_turned_where_the_capture_begins(tshark, written, cuts):
    """The first message of the capture in four segments, of which the second and third have changed places. Wireshark's own
    dissector asks for all of it, and so it is put together."""
    trace = Trace()
    peers = trace.connect(trace, opened=False, seed=("10.0.0.2", 6881))
    ends = peers.leecher.send_cut(extension_handshake(LEECHER_IDS), at=cuts)
    trace.swap(ends - 2, ends - 1)
    last = peers.seed.send(dont_have(TO_LEECHER, 5))
    path = written(trace)
    assert tshark.rows(path, "frame.number bt.donthave.piece_index", where="bt.donthave") == [f"{last} 5"]
    negotiated = tshark.rows(path, "frame.number bt.donthave.negotiated", where="bt.donthave.negotiated")
    assert negotiated == [f"{ends} {TO_LEECHER}"]
