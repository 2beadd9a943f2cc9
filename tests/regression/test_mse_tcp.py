"""Encrypted connections (MSE) over TCP: what ends the search for them, and what does not.

On port 6881, which is BitTorrent's, the bytes are read as plain BitTorrent while the search goes on.
"""

import itertools
import random
from collections import Counter

import derived
import mse_recording
import pytest
from mse_wire import A, B, HANDSHAKE, NONE, PLAINTEXT, RC4, Choices, Wire

from capture import Trace
from derived import read, segment
from many import ROOT, Many
from peer_wire import piece
from tcp import TcpConnection
from tshark import wireshark_version

AS_THEY_COME = ["-o", "tcp.no_subdissector_on_error:FALSE"]
IN_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]
WITHHOLDS = pytest.mark.skipif(wireshark_version() >= (4, 6), reason="Wireshark 4.6 withholds late segments all the same")
BITTORRENT = {"seed": ("10.0.0.2", 6881)}
CONNECTIONS = 1000
KEPT_MAX = 200  # bytes of each connection
SPLIT = 3       # bytes of PadD in the segment of the seed's handshake


def written(staging, trace, name="mse-tcp"):
    path = staging.folder / f"{name}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    return path


def pieces(tshark, path, *options):
    return tshark.rows(path, "frame.number bt.donthave.piece_index", *options, where="bt.donthave")


def test_messages_before_the_handshake(tshark, staging):
    """The leecher's first messages stand alone in a segment, after the seed's answer and before the end of its padding: they
    are read as plain BitTorrent, but the search goes on, and finds the seed's handshake within a segment."""
    trace = Trace()
    made = Wire("alone", Choices(pad_a=7, pad_b=31, pad_c=9, pad_d=40, select=PLAINTEXT, ia=HANDSHAKE))
    peers = trace.connect(trace, **BITTORRENT)
    flights = [data for _, data in made.flights]
    answer = flights[3][:-68]
    peers.leecher.send(flights[0])
    peers.seed.send(flights[1])
    peers.leecher.send(flights[2])
    peers.seed.send(answer[:-SPLIT])
    peers.leecher.send(flights[4])
    peers.seed.send(answer[-SPLIT:] + flights[3][-68:])
    sides = {A: peers.leecher, B: peers.seed}
    frames = [sides[side].send(data) for side, data in made.flights[5:]]
    path = written(staging, trace)
    assert pieces(tshark, path) == [f"{frames[2]} 5", f"{frames[3]} 9"]
    shown = tshark.rows(path, "frame.number bt.mse.payload_in", where="bt.mse.payload_in")
    expected = ["4 8", "5 9", "6 8", "7 9", "9 9"]
    assert shown == (expected if tshark.two_passes else expected[4:])


def test_one_packet_makes_both_sides_known(tshark, staging):
    """The leecher has a DontHave before the seed's handshake, which alone tells that it is one, and which a DontHave of the seed
    follows in the same segment. Each is listed with its own sender."""
    trace = Trace()
    made = Wire("both", Choices(pad_a=7, pad_b=31, pad_c=9, pad_d=40, select=PLAINTEXT, ia=HANDSHAKE))
    peers = trace.connect(trace)
    flights = [data for _, data in made.flights]
    peers.leecher.send(flights[0])
    peers.seed.send(flights[1])
    peers.leecher.send(flights[2])
    peers.leecher.send(flights[4] + flights[8])
    frame = peers.seed.send(flights[3] + flights[5] + flights[7])
    printed = tshark.read(written(staging, trace), "-o", "bt.donthave.fallback_id:7", "-q", "-z", "bt.donthave,list")
    rows = [line.split() for line in printed.splitlines() if "10.0.0." in line]
    assert [[row[0], *row[2:5]] for row in rows] == [[str(frame), "10.0.0.1:40000", "10.0.0.2:27000", "9"],
                                                     [str(frame), "10.0.0.2:27000", "10.0.0.1:40000", "5"]]


def test_shown_late_in_a_packet_that_goes_on(tshark, staging):
    """The leecher's DontHave, after a hole, is read when the seed acknowledges it, with a packet that has the first bytes of a
    block alone. TCP would join it with the next ones, and call nobody for it on the second pass."""
    trace = Trace()
    made = Wire("late", Choices(pad_a=0, pad_b=0, pad_c=9, pad_d=40, select=PLAINTEXT, ia=HANDSHAKE))
    peers = trace.connect(trace)
    flights = [data for _, data in made.flights]
    peers.leecher.send(flights[0])
    peers.seed.send(flights[1])
    peers.leecher.skip(flights[2], flights[4], flights[6])
    peers.seed.send(flights[3])
    peers.seed.send(flights[5])
    peers.leecher.send(flights[8])
    frame = peers.seed.send(piece(1, 0, bytes(5000))[:1000])
    peers.seed.send(piece(1, 0, bytes(5000))[1000:])
    assert pieces(tshark, written(staging, trace)) == [f"{frame} 9"]


def keys_of(staging, *wires):
    path = staging.folder / "mse-tcp.keys"
    path.write_text("".join(made.key for made in wires))
    path.chmod(0o644)
    return ["-o", f"bt.peer.mse_keylog_file:{path}"]


def opened_slowly(trace, **where):
    """What comes later than what follows it can be out of order then: after a round trip, TCP takes it for sent again."""
    peers = TcpConnection(trace, opened=False, **where)
    peers.leecher.started = peers.seed.started = False
    peers.leecher.synchronize()
    trace.wait(1)
    peers.seed.synchronize()
    peers.leecher.acknowledge()
    return peers


@WITHHOLDS
@pytest.mark.parametrize("acknowledged", [False, True])
def test_late_segment(tshark, staging, acknowledged):
    """What is missing of the seed's key comes late. It is waited for until the leecher acknowledges it."""
    trace = Trace()
    made = Wire("late", Choices(pad_a=200, pad_b=31, pad_c=9, pad_d=40, select=RC4, ia=HANDSHAKE))
    peers = opened_slowly(trace)
    flights = [data for _, data in made.flights]
    peers.leecher.send(flights[0][:100])
    peers.seed.send(flights[1][:40])
    acknowledging = None if acknowledged else peers.seed.seq
    late = peers.seed.send(flights[1][40:80])
    peers.seed.send(flights[1][80:])
    peers.leecher.send(flights[0][100:], acknowledging=acknowledging)
    trace.swap(late, late + 1)
    trace.swap(late + 1, late + 2)
    sides = {A: peers.leecher, B: peers.seed}
    frames = [sides[side].send(data) for side, data in made.flights[2:]]
    assert pieces(tshark, written(staging, trace), *keys_of(staging, made), *AS_THEY_COME) == (
        [] if acknowledged else [f"{frames[5]} 5", f"{frames[6]} 9"])


def test_what_is_something_else_takes_no_memory(two_passes, staging, counter):
    """Connections whose first side looks random and whose other side does not: nothing is kept but that the search is over."""
    trace = Trace()
    for number in range(CONNECTIONS):
        peers = TcpConnection(trace, leecher=(f"10.8.{number // 250}.{number % 250 + 1}", 40000))
        peers.leecher.send(random.Random(number).randbytes(300))
        peers.seed.send(b"220 ready\r\n" * 40)
        peers.leecher.send(random.Random(number).randbytes(20))
    command = two_passes.command(two_passes.arguments(written(staging, trace), *keys_of(staging, Wire("none", Choices())),
                                                      "-Y", "frame.number == 1"))
    sizes = [counter.largest(command + more) for more in ([], ["--disable-protocol", "bt.mse"])]
    assert 0 < sizes[0] - sizes[1] < CONNECTIONS * KEPT_MAX, [size // CONNECTIONS for size in sizes]


# --- packets that changed places, or are missing ---


def turned(trace, made, flight, cut, **where):
    """A connection in which a flight is two segments, and the capture has the second one, the other side's next flight, the
    first one. Return the frames of the DontHaves."""
    peers = opened_slowly(trace, **where)
    sides, frames, late = (peers.leecher, peers.seed), [], None
    for number, (side, data) in enumerate(made.flights):
        if number == flight:
            acknowledging = sides[side].seq
            late = sides[side].send_cut(data, at=[cut % len(data)]) - 1
        elif late == len(trace.packets) - 1:
            sides[side].send(data, acknowledging=acknowledging)     # the late segment is news to TCP
            trace.swap(late, late + 1)
            trace.swap(late + 1, late + 2)
        else:
            sides[side].send(data)
        frames.append(len(trace.packets))
    return frames[7:]


@pytest.mark.parametrize("options", [pytest.param(IN_ORDER, id="in order"),
                                     pytest.param(AS_THEY_COME, id="as they come", marks=WITHHOLDS)])
@pytest.mark.parametrize("method, with_keys", [(RC4, True), (PLAINTEXT, True), (PLAINTEXT, False)],
                         ids=["rc4", "plaintext", "plaintext without keys"])
def test_turned_flights(tshark, staging, method, with_keys, options):
    """Of either side, around the handshake and after it, cut near the beginning or the end."""
    trace, wires, expected = Trace(), [], []
    for flight, cut, ia in itertools.product(range(6), (40, -10), (NONE, HANDSHAKE)):
        number = len(wires)
        wires.append(Wire(f"turned-{number}", Choices(pad_a=7, pad_b=131, pad_c=9, pad_d=50, ia=ia, select=method)))
        frames = turned(trace, wires[-1], flight, cut, leecher=(f"10.9.0.{number + 1}", 40000))
        expected += [f"{frame} {piece}" for frame, piece in zip(frames, (5, 9))]
    assert pieces(tshark, written(staging, trace), *options, *(keys_of(staging, *wires) if with_keys else [])) == expected


RECORDING = "mse_rc4_tcp"
SEEDS = 20


def forms_of(packets):
    """{name: numbers of the packets, from 0 on, in their order}; some have changed places, or come later, or are missing."""
    data = {number for number, packet in enumerate(packets) if (part := segment(packet)) and part.data}
    for seed in range(SEEDS):
        chance, order = random.Random(seed), list(range(len(packets)))
        for _ in range(4):
            at, by = chance.randrange(len(order) - 3), chance.randint(1, 3)
            order.insert(at + by, order.pop(at))
        yield f"later-{seed}", order
        yield f"lossy-{seed}", [number for number in order if number not in data or chance.random() > 0.05]
        yield f"lost-{seed}", [number for number in range(len(packets)) if number not in data or chance.random() > 0.05]


@pytest.fixture(scope="module")
def recorded(staging, tmp_path_factory):
    recording, folder = read(f"encrypted/{RECORDING}"), tmp_path_factory.mktemp("recorded")
    forms = {}
    for name, order in forms_of(recording):
        times = sorted(recording[number].time for number in order)
        path = folder / f"{name}.pcapng"
        path.write_bytes(derived.written([recording[number]._replace(time=time) for time, number in zip(times, order)]))
        forms[path] = order
    return mse_recording.Said(ROOT / "captures" / "encrypted" / f"{RECORDING}.pcapng.gz"), forms, Many(staging, forms)


def by_form(recorded, printed):
    """{path: [(frame of the recording, value)]} of rows with a frame number and a value."""
    _, forms, many = recorded
    rows = {path: [] for path in forms}
    for line in printed.splitlines():
        number, value = line.split("\t")
        path, frame = many.place(int(number))
        rows[path].append((forms[path][frame - 1] + 1, value))
    return rows


@pytest.mark.parametrize("options", [pytest.param([], id="by default"), pytest.param(AS_THEY_COME, id="as they come")])
def test_recording(tshark, staging, recorded, options):
    """Packets of a real connection. What Wireshark gives to nobody, as it comes late, is missing like what was not captured.
    Where the handshakes are there, each DontHave is found that stands in a segment that begins with a message, or follows from
    one without a hole; and none that was not sent."""
    said, forms, many = recorded
    keys = ["-o", f"bt.peer.mse_keylog_file:{staging.readable(ROOT / 'captures' / 'encrypted' / f'{RECORDING}.keys')}"]
    given = by_form(recorded, tshark.stock(many.path, *options, "-Y", "tcp.payload && data", "-T", "fields", "-e", "frame.number",
                                           "-e", "tcp.len"))
    shown = by_form(recorded, tshark.read(many.path, *keys, *options, "-Y", "bt.donthave", "-T", "fields", "-e", "frame.number",
                                          "-e", "bt.donthave.piece_index"))
    complete = 0
    for path in forms:
        missing = said.all_frames - {frame for frame, _ in given[path]}
        found = Counter(int(piece) for _, value in shown[path] for piece in value.split(","))
        assert not found - said.dont_haves(missing), path.stem
        if said.opens_without(missing):
            complete += 1
            assert not said.dont_haves_after_a_boundary(missing) - found, path.stem
    assert complete > SEEDS


def test_recording_in_order(tshark, staging, recorded):
    """tcp.reassemble_out_of_order: all is found where nothing is missing. After a hole, TCP waits for what never comes."""
    said, forms, many = recorded
    keys = ["-o", f"bt.peer.mse_keylog_file:{staging.readable(ROOT / 'captures' / 'encrypted' / f'{RECORDING}.keys')}"]
    shown = by_form(recorded, tshark.read(many.path, *keys, *IN_ORDER, "-Y", "bt.donthave", "-T", "fields", "-e", "frame.number",
                                          "-e", "bt.donthave.piece_index"))
    for path, order in forms.items():
        if said.all_frames <= {number + 1 for number in order}:
            found = Counter(int(piece) for _, value in shown[path] for piece in value.split(","))
            assert found == said.dont_haves(set()), path.stem
