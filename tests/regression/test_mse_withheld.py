"""Encrypted connections (MSE) whose random bytes another dissector takes for the beginning of a message of its own.

TCP withholds all that follows then. It is LBMSRS that does it here: at 127.0.0.1 it believes every segment whose eighth
byte begins with six ones, one random segment of 64, and waits for as many bytes as the first three say.
"""

import random

import pytest
from mse_wire import HANDSHAKE, NONE, PLAINTEXT, RC4, Choices, Wire, talk

from capture import Trace
from peer_wire import dont_have
from session import TO_SEED

RANDOM = 4  # flights that look random without a key
SEED = ("127.0.0.1", 27000)

# Which flights are taken. Where some of both sides are, TCP may withhold both, and call nobody any more.
TAKEN = [{0}, {1}, {2}, {3}, {0, 2}, {1, 3}, set()]

METHODS = {"plaintext": PLAINTEXT, "rc4": RC4}


def believed(data):
    return data[7] >= 0b11111100


def wire(name, taken, **choices):
    """A connection of which these flights are believed."""
    for number in range(10000):
        made = Wire(f"{name}-{number}", Choices(pad_a=7, pad_b=31, pad_c=9, pad_d=40, **choices))
        for flight in 0, 1:
            side, data = made.flights[flight]
            made.flights[flight] = side, data[:7] + bytes([0xFD if flight in taken else 0x54]) + data[8:]
        if {flight for flight in range(RANDOM) if believed(made.flights[flight][1])} == taken:
            return made
    raise AssertionError("there is no such connection")


def written(staging, name, data):
    path = staging.folder / name
    path.write_bytes(data)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("options", [[], ["-o", "tcp.reassemble_out_of_order:TRUE"],
                                     ["-o", "tcp.analyze_sequence_numbers:FALSE"]],
                         ids=["as-they-come", "in-order", "not-analysed"])
@pytest.mark.parametrize("ia", [NONE, HANDSHAKE])
@pytest.mark.parametrize("method", METHODS)
def test_dont_haves(tshark, staging, method, ia, options):
    """No DontHave is missed, wherever bytes of the handshake are taken, and whoever was asked first before."""
    trace, wires, rows, frames_taken = Trace(), [], [], []
    for number, taken in enumerate(TAKEN + TAKEN[::-1]):
        made = wire(f"{method}-{ia}", taken, ia=ia, select=METHODS[method])
        wires.append(made)
        _, frames = talk(trace, made, leecher=("127.0.0.2", 41000 + number), seed=SEED)
        rows += [f"{frames[7]} 5 {frames[6]}", f"{frames[8]} 9 -"]
        frames_taken += [str(frames[flight]) for flight in sorted(taken)]
    path = written(staging, f"withheld-{method}-{ia}.pcap", trace.pcap())
    keys = written(staging, f"withheld-{method}-{ia}.keys", "".join(made.key for made in wires).encode())
    if method == "rc4":
        options = [*options, "-o", f"bt.peer.mse_keylog_file:{keys}"]

    begun = tshark.stock(path, "-Y", "tcp.segment_data", "-T", "fields", "-e", "frame.number").split()
    assert set(frames_taken) <= set(begun), "LBMSRS does not take these bytes any more"
    assert tshark.rows(path, "frame.number bt.donthave.piece_index bt.donthave.request_in", *options,
                       where="bt.donthave") == rows


def opened(trace, name, taken, **choices):
    """A connection of which only the leecher's and the seed's first flight were sent, and its flights."""
    made = wire(name, taken, select=PLAINTEXT, **choices)
    peers = trace.connect(trace, leecher=("127.0.0.2", 41000), seed=SEED)
    flights = [data for _, data in made.flights]
    peers.leecher.send(flights[0])
    peers.seed.send(flights[1])
    return peers, flights


def pieces(tshark, staging, name, trace):
    return tshark.rows(written(staging, f"{name}.pcap", trace.pcap()), "frame.number bt.donthave.piece_index",
                       where="bt.donthave")


def test_more_than_was_acknowledged(tshark, staging):
    """The seed's handshake is withheld, and the leecher has not acknowledged it yet when it is asked for."""
    trace = Trace()
    peers, flights = opened(trace, "in-flight", {1}, ia=HANDSHAKE)
    peers.leecher.send(flights[2])
    peers.seed.send(flights[3][:20])
    acknowledging = peers.seed.seq
    peers.seed.send(flights[3][20:])
    peers.leecher.send(flights[4], acknowledging=acknowledging)
    peers.seed.send(flights[5])
    peers.leecher.send(flights[6])
    frame = peers.seed.send(flights[7])
    assert pieces(tshark, staging, "in-flight", trace) == [f"{frame} 5"]


def test_beginning_of_a_message(tshark, staging):
    """What was withheld comes with a segment that has nothing but the beginning of a message: all of it shows on each pass."""
    trace = Trace()
    peers, flights = opened(trace, "beginning", {0}, ia=NONE)
    peers.leecher.send(flights[2])
    peers.seed.send(flights[3])
    said = flights[4] + flights[6] + flights[8]
    peers.leecher.send(said[:10])
    peers.leecher.send(said[10:])
    peers.seed.send(flights[5])
    last = dont_have(TO_SEED, 11)
    frames = [peers.leecher.send(last[:2])]
    peers.seed.acknowledge()
    frames += [peers.leecher.send(last[2:]), peers.seed.send(flights[7])]
    assert pieces(tshark, staging, "beginning", trace) == [f"{frame} {piece}" for frame, piece in zip(frames, (9, 11, 5))]


def test_claimed_by_the_handshake(tshark, staging):
    """The seed's public key was not captured, so that its handshake, at the start of a segment, is taken for that of a
    plain connection; the leecher's first flight is withheld."""
    trace = Trace()
    made = wire("claimed", {0}, ia=NONE, select=PLAINTEXT)
    flights = [data for _, data in made.flights]
    peers = trace.connect(trace, leecher=("127.0.0.2", 41000), seed=SEED)
    peers.leecher.send(flights[0])
    peers.seed.skip(flights[1], flights[3])
    peers.seed.send(flights[5])
    peers.leecher.send(flights[2])
    frames = [peers.leecher.send(flights[4] + flights[6]), peers.seed.send(flights[7]), peers.leecher.send(flights[8])]
    assert pieces(tshark, staging, "claimed", trace) == [f"{frames[1]} 5", f"{frames[2]} 9"]


def lbmsrs(chance, size, zeros):
    """A message that LBMSRS believes."""
    return size.to_bytes(3, "big") + chance.randbytes(4) + bytes([0xFC]) + bytes(zeros) + chance.randbytes(size - 5 - zeros)


@pytest.mark.parametrize("zeros", [0, 40])
def test_something_else_stays(tshark, staging, zeros):
    """What LBMSRS takes is shown by it in the same packets, where it is no MSE, whether it looks random or not."""
    chance, trace = random.Random("something else"), Trace()
    for number in range(40):
        peers = trace.connect(trace, leecher=("127.0.0.2", 41000 + number), seed=SEED)
        sides = [peers.leecher, peers.seed]
        waiting = [b"".join(lbmsrs(chance, chance.randrange(100, 3000), zeros) for _ in range(3)) for _ in sides]
        while any(waiting):
            turn, cut = chance.randrange(2), chance.randrange(100, 500)
            if waiting[turn]:
                sides[turn].send(waiting[turn][:cut])
                waiting[turn] = waiting[turn][cut:]
    path = written(staging, f"something-else-{zeros}.pcap", trace.pcap())
    columns = ["-T", "fields", "-e", "frame.number", "-e", "frame.protocols", "-e", "tcp.reassembled_in", "-e", "tcp.segment_data"]
    stock = tshark.stock(path, *columns)
    assert stock.count("lbmsrs") > 200
    assert tshark.read(path, *columns) == stock
