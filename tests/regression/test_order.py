"""Packets that stand in the capture in another order than they were sent in: nothing is missed whose bytes are there.

Captures are mixed up in transit (several queues of a network card, both directions from different taps): no packet
stands more than three places from where it was.
"""

import random
import struct
from collections import Counter

import pytest

from many import INTERFACE, PACKET, ROOT, SECTION, Many, block, contents, packets

UTP = ["libtorrent_utp", "libtorrent_utp_forky", "libtorrent_utp_lossy", "libtorrent_utp_three", "libtorrent_utp_trixie",
       "webtorrent_leecher_utp"]
TCP = ["libtorrent_tcp_fast", "npm_fast", "npm_ids", "npm_nofast", "webtorrent_leecher"]
PLACES = 3
SEEDS = range(20)


def mixed_up(path, seed):
    """The bytes of a capture whose packets have moved by up to PLACES places."""
    chance = random.Random(seed)
    read = list(packets(contents(path)))
    order = sorted(range(len(read)), key=lambda number: (number + chance.uniform(0, PLACES), number))
    written = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
               block(INTERFACE, struct.pack("<HHI", read[0][0], 0, 0))]
    for number in order:
        _, time, length, packet = read[number]
        header = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet), length)
        written.append(block(PACKET, header + packet))
    return b"".join(written)


def found(tshark, path, *options):
    """Frame and pieces of each frame with DontHaves."""
    columns = ["-T", "fields", "-e", "frame.number", "-e", "bt.donthave.piece_index"]
    for line in tshark.read(path, *options, "-Y", "bt.donthave", *columns).splitlines():
        frame, _, pieces = line.partition("\t")
        yield int(frame), [piece for piece in pieces.split(",") if piece]


class Mixed:
    """All mixed-up forms of all recordings of a transport, in one file."""

    def __init__(self, staging, folder, names):
        paths = [folder / f"{name}-{seed}.pcapng" for name in names for seed in SEEDS]
        for path in paths:
            name, _, seed = path.stem.rpartition("-")
            path.write_bytes(mixed_up(ROOT / "captures" / f"{name}.pcapng.gz", int(seed)))
        self.many = Many(staging, paths)
        self.counted = {}

    def count(self, tshark, *options):
        """{name of a form: how often each piece was disowned}, read once for one pass and once for two."""
        if tshark.two_passes not in self.counted:
            counted = {path.stem: Counter() for path in self.many.captures}
            for frame, pieces in found(tshark, self.many.path, *options):
                counted[self.many.place(frame)[0].stem].update(pieces)
            self.counted[tshark.two_passes] = counted
        return self.counted[tshark.two_passes]


@pytest.fixture(scope="module")
def mixed_utp(staging, tmp_path_factory):
    return Mixed(staging, tmp_path_factory.mktemp("utp"), UTP)


@pytest.fixture(scope="module")
def mixed_tcp(staging, tmp_path_factory):
    return Mixed(staging, tmp_path_factory.mktemp("tcp"), TCP)


def check(tshark, mixed, name, *options):
    rows = tshark.rows(ROOT / "captures" / f"{name}.pcapng.gz", "bt.donthave.piece_index", where="bt.donthave")
    expected = Counter(piece for row in rows for piece in row.split(","))
    assert expected.total() > 3
    counted = mixed.count(tshark, *options)
    assert {seed: counted[f"{name}-{seed}"] - expected + (expected - counted[f"{name}-{seed}"]) for seed in SEEDS
            if counted[f"{name}-{seed}"] != expected} == {}


@pytest.mark.parametrize("name", UTP)
def test_utp(tshark, mixed_utp, name):
    """uTP: with no option."""
    check(tshark, mixed_utp, name)


@pytest.mark.parametrize("name", TCP)
def test_tcp(tshark, mixed_tcp, name):
    """TCP: where Wireshark puts the segments in order."""
    check(tshark, mixed_tcp, name, "-o", "tcp.reassemble_out_of_order:TRUE")
