"""Encrypted connections (MSE): what can be read with their keys and without, and what is wrong with their handshakes.

mse_wire.py says what each flight has. Frames 1 to 3 open the connection; unless a capture says otherwise, the flights are
the frames 4 to 12, and the DontHaves frame 11 (piece 5, which ends the first Request of frame 10) and frame 12 (piece 9).

key_log() is the key log of all of them: python3 captures/generate/encrypted.py prints it, for captures/encrypted/synthetic.keys.
"""

import itertools
import random

from capture import CAPTURES, capture
from mse_wire import (A, B, BOTH, HANDSHAKE, MORE, NONE, PAD_MAX, PLAINTEXT, RC4, VC, Choices, Wire, talk)
from peer_wire import UNCHOKE, dont_have, handshake, have, piece
from session import TO_LEECHER, TO_SEED

WIRES = {}      # NAME: the connections of the capture mse-NAME, in the order in which they begin

IAS = NONE, HANDSHAKE, MORE


def wire(name, number=0, **choices):
    """The connection of a capture, the same each time, but for what it says later."""
    made = Wire(f"mse-{name}-{number}", Choices(**choices))
    WIRES.setdefault(name, {})[number] = made
    return made


def key_log():
    """The keys of all captures, once each was built."""
    return "".join(made.key for name in sorted(WIRES) for made in WIRES[name].values())


def ports(number):
    """Where one of several connections of a capture is."""
    # Without SYN, Wireshark asks the protocols of either port: 40000 to 40099 belong to SAP IGS from 4.6 on.
    return {"leecher": ("10.0.0.1", 41000 + number), "seed": ("10.0.0.2", 27000)}


def register(name, story, **how):
    """A capture whose generator is given its name. Its docstring is that of the story."""

    def fill(trace):
        story(trace, name)

    fill.__doc__ = story.__doc__
    fill.__module__ = __name__
    capture(f"mse-{name}", **how)(fill)


# --- what the peers may choose ---

LIMITS = [dict(zip(("pad_a", "pad_b", "pad_c", "pad_d"), pads)) for pads in itertools.product((0, PAD_MAX), repeat=4)]


def limit(number, pads):
    """One of the connections of limits()."""
    return {"ia": IAS[number % 3], "select": PLAINTEXT if number // 2 % 2 else RC4, **pads}


@capture("mse-limits", also_utp=True)
def limits(trace):
    """The shortest and the longest padding in each of the four places: 16 connections, one after the other, of 12 frames
    each. What IA has and which method is selected change from one to the next."""
    for number, pads in enumerate(LIMITS):
        where = ports(number) | ({"connection_id": 5400 + 2 * number} if "Utp" in trace.connect.__name__ else {})
        talk(trace, wire("limits", number, **limit(number, pads)), **where)


def plain_story(trace, name):
    """Both offered, plaintext selected, paddings of some length. By name: nothing in IA, the handshake, or the extension
    handshake, too. Without the key, what IA has is hidden: in -more the id with which the seed writes DontHave."""
    talk(trace, wire(name, pad_a=7, pad_b=31, pad_c=9, pad_d=100, select=PLAINTEXT, ia=name.split("-")[1]))


def rc4_story(trace, name):
    """The same with RC4: without the key nothing can be read."""
    talk(trace, wire(name, pad_a=8, pad_b=30, pad_c=10, pad_d=99, select=RC4, ia=name.split("-")[1]))


for _ia in IAS:
    register(f"plaintext-{_ia}", plain_story, also_utp=True)
    register(f"rc4-{_ia}", rc4_story, also_utp=True)


@capture("mse-two", also_utp=True)
def two(trace):
    """Two connections at the same time, of the same torrent, with RC4; the key log has both.

    1-6     both are opened: 10.0.0.1 port 41000 and 41001
    7-24    their flights in turns: those of the first are the odd frames; the DontHaves are in 21 to 24
    """
    wires = [wire("two", number, pad_a=11 * number, pad_b=5, ia=IAS[number]) for number in range(2)]
    extra = [{"connection_id": 5400 + 2 * number} if "Utp" in trace.connect.__name__ else {} for number in range(2)]
    both = [trace.connect(trace, **ports(number), **extra[number]) for number in range(2)]
    for flights in zip(*(made.flights for made in wires)):
        for peers, (side, data) in zip(both, flights):
            (peers.leecher, peers.seed)[side].send(data)


# --- what is wrong ---

FAULTS = {
    "req2-mismatch": {"logged_hash": bytes(range(20))},
    "initiator-vc": {"vc_a": bytes([1]) + VC[1:]},
    "responder-vc": {"vc_b": VC[1:] + bytes([1]), "pad_b": PAD_MAX},
    "provide-none": {"provide": 4},
    "select-three": {"select": 3},
    "select-none": {"select": 0},
    "select-not-provided": {"provide": PLAINTEXT},
    "pad-c-length": {"pad_c": PAD_MAX + 1},
    "pad-d-length": {"pad_d": PAD_MAX + 1},
    "pad-c-huge": {"said_c": 0xFFFF},
    "pad-d-huge": {"said_d": 0xFFFF},
    "pad-a-long": {"pad_a": PAD_MAX + 1},
    "pad-b-long": {"pad_b": PAD_MAX + 1},
}


def fault_story(trace, name):
    """RC4 with the handshake in IA, and one thing wrong: FAULTS says what."""
    talk(trace, wire(name, **{"ia": HANDSHAKE, **FAULTS[name]}))


for _name in FAULTS:
    register(_name, fault_story, also_utp=_name in ("select-three", "pad-d-length"))


# --- what is missing ---

@capture("mse-hole", also_utp=True)
def hole(trace):
    """RC4, and after frame 12 the seed goes on with a hole in between.

    13   seed: DontHave 10
         seed: a Piece of 700 bytes, which the capture does not see
    14   seed: Have 11, DontHave 12
    15   leecher: DontHave 13. This direction has no hole
    """
    made = wire("hole", pad_b=20)
    peers, _ = talk(trace, made)
    peers.seed.send(made.say(B, dont_have(TO_LEECHER, 10)))
    peers.seed.skip(made.say(B, piece(1, 0, bytes(687))))
    peers.seed.send(made.say(B, have(11), dont_have(TO_LEECHER, 12)))
    peers.leecher.send(made.say(A, dont_have(TO_SEED, 13)))


@capture("mse-holes", also_utp=True)
def holes(trace):
    """RC4, and after frame 12 the seed goes on with holes in between; over uTP nobody knows how long they are. The leecher's
    frames tell that it has all of it.

    13   seed: the beginning of a Piece
         seed: more of it, which the capture does not see
    14   seed: the rest of it, and DontHave 20. Its end is known, so where that stands in RC4 is
    15   leecher: Have 2
         seed: three packets that the capture does not see, with DontHave 21
    16   seed: DontHave 22, alone
    17   leecher: Have 3
    18   seed: DontHave 23
         seed: two packets that the capture does not see, with DontHave 24
    19   seed: the last 700 bytes of a Piece, and Unchoke: too little to tell where it stands
    20   leecher: Have 4
    """
    made = wire("holes", pad_b=20)
    peers, _ = talk(trace, made)
    block = made.say(B, piece(1, 0, bytes(3000)), dont_have(TO_LEECHER, 20))
    peers.seed.send(block[:1400])
    peers.seed.skip(block[1400:2800])
    peers.seed.send(block[2800:])
    peers.leecher.send(made.say(A, have(2)))
    for size in (1387, 900, 40):
        peers.seed.skip(made.say(B, *([dont_have(TO_LEECHER, 21)] if size == 40 else []), piece(1, 0, bytes(size))))
    peers.seed.send(made.say(B, dont_have(TO_LEECHER, 22)))
    peers.leecher.send(made.say(A, have(3)))
    peers.seed.send(made.say(B, dont_have(TO_LEECHER, 23)))
    block = made.say(B, dont_have(TO_LEECHER, 24), piece(1, 0, bytes(3000)), UNCHOKE)
    peers.seed.skip(block[:1200])
    peers.seed.skip(block[1200:-705])
    peers.seed.send(block[-705:])
    peers.leecher.send(made.say(A, have(4)))


@capture("mse-again")
def again(trace):
    """RC4: segments that come again, and one that comes late.

    13   seed: DontHave 20
    14   seed: the same again
    15   seed: DontHave 21, split after 4 bytes: the second part, which comes first
    16   seed: the first part
    17   seed: DontHave 22
    """
    made = wire("again", pad_b=20)
    peers, _ = talk(trace, made)
    peers.seed.send(twice := made.say(B, dont_have(TO_LEECHER, 20)))
    peers.seed.send_again(twice)
    split = made.say(B, dont_have(TO_LEECHER, 21))
    first = peers.seed.send(split[:4])
    peers.seed.send(split[4:])
    trace.swap(first, first + 1)
    peers.seed.send(made.say(B, dont_have(TO_LEECHER, 22)))


@capture("mse-changed-places")
def changed_places(trace):
    """Eight connections, one after the other, of 13 frames each: one flight of the handshake is two segments that changed
    places. Plaintext, then RC4: the flights 0 to 3, see mse_wire.py. The DontHaves are the last two frames of each.

    1-13    plaintext: of frames 4 and 5, the first one holds all but 40 bytes of Ya
    14-26   the same with Yb (frames 18 and 19), and so on
    """
    for number, (method, flight) in enumerate(itertools.product((PLAINTEXT, RC4), range(4))):
        made = wire("changed-places", number, pad_a=7, pad_b=31, pad_c=9, pad_d=100, select=method)
        _, frames = talk(trace, made, {flight: [40]}, **ports(number))
        trace.swap(frames[flight] - 1, frames[flight])


@capture("mse-cut")
def cut(trace):
    """RC4, captured with a snaplen of 400.

    13   seed: a Piece with 700 bytes, cut
    14   seed: DontHave 30
    """
    made = wire("cut", pad_b=20)
    peers, _ = talk(trace, made)
    peers.seed.send(made.say(B, piece(1, 0, bytes(687))))
    peers.seed.send(made.say(B, dont_have(TO_LEECHER, 30)))
    trace.cut(400)


MISSING = {"open": range(1, 4), "ya": range(1, 5), "yb": range(1, 6), "ia": range(1, 7)}


def missing_story(trace, name):
    """The capture begins after the first packets. By name: without those that open the connection (all is there, three frames
    earlier), from frame 5 on (Yb), from 6 on, from 7 on. Frames move up by as many."""
    talk(trace, wire(name, pad_a=7, pad_b=31, pad_c=9, pad_d=50, select=RC4 if "rc4" in name else PLAINTEXT), **ports(0))
    trace.drop(MISSING[name.split("-")[2]])


for _what in MISSING:
    register(f"missing-rc4-{_what}", missing_story, also_utp=True)
    register(f"missing-plaintext-{_what}", missing_story, also_utp=True)


@capture("mse-missing-key", also_utp=True)
def missing_key(trace):
    """Plaintext, and the capture begins within PadD, which is long enough for a public key. Nothing is encrypted that is there.

    1   seed: the rest of PadD, handshake
    2   leecher: extension handshake, Interested
    3   seed: extension handshake, Bitfield, Unchoke
    4   leecher: Requests for the pieces 5 and 6
    5   seed: DontHave 5
    6   leecher: DontHave 9
    """
    _, frames = talk(trace, wire("missing-key", pad_d=300, select=PLAINTEXT), {3: [40]}, **ports(0))
    trace.drop(range(1, frames[3]))


# --- what only looks like it ---

@capture("mse-look-alike", also_utp=True)
def look_alike(trace):
    """Random bytes both ways, and the handshake of BitTorrent within them: never where MSE can have it. Three connections.

    1-7     4, 5: random bytes. 6, 7: after 1245 bytes of a direction, one more than there can be, both handshakes
    8-14    11, 12: random bytes. 13, 14: a thousand zeros, then both handshakes
    15-21   18, 19: the first 96 bytes are random, but each is below 16. 20, 21: both handshakes
    """
    chance = random.Random("mse-look-alike")
    beginnings = [(chance.randbytes(96), chance.randbytes(1149)), (chance.randbytes(96), bytes(1000)),
                  (bytes(chance.randrange(16) for _ in range(96)), chance.randbytes(100))]
    for number, (first, then) in enumerate(beginnings):
        where = ports(number) | ({"connection_id": 5400 + 2 * number} if "Utp" in trace.connect.__name__ else {})
        peers = trace.connect(trace, **where)
        peers.leecher.send(first)
        peers.seed.send(first[::-1])
        peers.leecher.send(then, handshake("-LE0001-"))
        peers.seed.send(then, handshake("-SE0001-"))


if __name__ == "__main__":
    from capture import build

    for file_name in sorted(CAPTURES):
        build(file_name)
    print(key_log(), end="")
