"""Encrypted connections (MSE) over TCP: what ends the search for them, and what does not.

On port 6881, which is BitTorrent's, the bytes are read as plain BitTorrent while the search goes on.
"""

from mse_wire import A, B, HANDSHAKE, PLAINTEXT, Choices, Wire

from capture import Trace

BITTORRENT = {"seed": ("10.0.0.2", 6881)}
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
