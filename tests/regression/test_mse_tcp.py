"""Encrypted connections (MSE) over TCP: what ends the search for them, and what does not.

On port 6881, which is BitTorrent's, the bytes are read as plain BitTorrent while the search goes on.
"""

import random

import pytest
from mse_wire import A, B, HANDSHAKE, PLAINTEXT, RC4, Choices, Wire

from capture import Trace
from tcp import TcpConnection
from tshark import wireshark_version

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


def keys_of(staging, *wires):
    path = staging.folder / "mse-tcp.keys"
    path.write_text("".join(made.key for made in wires))
    path.chmod(0o644)
    return ["-o", f"bt.peer.mse_keylog_file:{path}"]


@pytest.mark.skipif(wireshark_version() >= (4, 6), reason="Wireshark 4.6 withholds late segments whatever the preference says")
@pytest.mark.parametrize("acknowledged", [False, True])
def test_late_segment(tshark, staging, acknowledged):
    """What is missing of the seed's key comes late. It is waited for until the leecher acknowledges it."""
    trace = Trace()
    made = Wire("late", Choices(pad_a=200, pad_b=31, pad_c=9, pad_d=40, select=RC4, ia=HANDSHAKE))
    peers = TcpConnection(trace, opened=False)
    peers.leecher.started = peers.seed.started = False
    peers.leecher.synchronize()
    trace.wait(1)       # what comes so late can still be out of order: TCP takes it for sent again after a round trip
    peers.seed.synchronize()
    peers.leecher.acknowledge()
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
    options = [*keys_of(staging, made), "-o", "tcp.no_subdissector_on_error:FALSE"]
    assert pieces(tshark, written(staging, trace), *options) == (
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
