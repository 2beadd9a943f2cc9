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
# Encrypted, read with their keys.
MSE_UTP = ["mse_default_utp", "mse_rc4_utp"]
MSE_TCP = ["mse_default_delay", "mse_default_tcp", "mse_rc4_tcp", "mse_webtorrent", "mse_webtorrent_rc4"]
PLACES = 3
SEEDS = range(20)


def recording(name):
    return ROOT / "captures" / ("encrypted" if name.startswith("mse_") else "") / f"{name}.pcapng.gz"


def keys(staging, name):
    return ["-o", f"bt.peer.mse_keylog_file:{staging.readable(recording(name).with_name(f'{name}.keys'))}"]


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


@pytest.fixture(scope="module")
def mixed(staging, tmp_path_factory):
    """For the name of a recording, all its mixed-up forms in one file, and what was sent in it."""
    known = {}

    def write(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            for seed in SEEDS:
                (folder / f"{seed}.pcapng").write_bytes(mixed_up(recording(name), seed))
            known[name] = Many(staging, [folder / f"{seed}.pcapng" for seed in SEEDS])
        return known[name]
    return write


def check(tshark, mixed, name, *options):
    expected = Counter(piece for _, pieces in found(tshark, recording(name), *options)
                       for piece in pieces)
    assert expected.total() > 3
    forms = mixed(name)
    counted = {path: Counter() for path in forms.captures}
    for frame, pieces in found(tshark, forms.path, *options):
        counted[forms.place(frame)[0]].update(pieces)
    assert {path.stem: counter - expected + (expected - counter) for path, counter in counted.items()
            if counter != expected} == {}


@pytest.mark.parametrize("name", UTP)
def test_utp(tshark, mixed, name):
    """uTP: with no option."""
    check(tshark, mixed, name)


@pytest.mark.parametrize("name", TCP)
def test_tcp(tshark, mixed, name):
    """TCP: where Wireshark puts the segments in order."""
    check(tshark, mixed, name, "-o", "tcp.reassemble_out_of_order:TRUE")


@pytest.mark.parametrize("name", MSE_UTP)
def test_mse_over_utp(tshark, mixed, staging, name):
    """Encrypted connections over uTP, whose packets have no place in the stream but their order."""
    check(tshark, mixed, name, *keys(staging, name))


@pytest.mark.parametrize("name", MSE_TCP)
def test_mse_over_tcp(tshark, mixed, staging, name):
    check(tshark, mixed, name, *keys(staging, name), "-o", "tcp.reassemble_out_of_order:TRUE")
