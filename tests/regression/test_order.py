"""Packets that stand in the capture in another order than they were sent in: nothing is missed whose bytes are there.

Captures are mixed up in transit (several queues of a network card, both directions from different taps): no packet
stands more than three places from where it was.
"""

import random
import struct
from collections import Counter

import pytest

from many import PACKET, ROOT, blocks, contents
from rows import pieces

UTP = ["libtorrent_utp", "libtorrent_utp_forky", "libtorrent_utp_lossy", "libtorrent_utp_three", "libtorrent_utp_trixie",
       "webtorrent_leecher_utp"]
TCP = ["libtorrent_tcp_fast", "npm_fast", "npm_ids", "npm_nofast", "webtorrent_leecher"]
PLACES = 3
SEEDS = range(12)


def mixed_up(path, seed, places=PLACES):
    """The bytes of a pcapng file whose packets have moved by up to so many places."""
    head, packets = b"", []
    for kind, body in blocks(contents(path)):
        block = struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        if kind == PACKET:
            packets.append(block)
        elif not packets:
            head += block
    chance = random.Random(seed)
    order = sorted(range(len(packets)), key=lambda number: (number + chance.uniform(0, places), number))
    return head + b"".join(packets[number] for number in order)


def found(tshark, path, *options):
    """How often there is a DontHave for each piece."""
    return Counter(piece for row in pieces(tshark, path, *options) for piece in row.split()[1].split(","))


@pytest.fixture
def mixed(tmp_path_factory):
    def write(name, seed):
        path = tmp_path_factory.mktemp("order") / f"{name}-{seed}.pcapng"
        path.write_bytes(mixed_up(ROOT / "captures" / f"{name}.pcapng.gz", seed))
        return path
    return write


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", UTP)
def test_utp(tshark, mixed, name, seed):
    """uTP: with no option."""
    path = ROOT / "captures" / f"{name}.pcapng.gz"
    assert found(tshark, mixed(name, seed)) == found(tshark, path)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", TCP)
def test_tcp(tshark, mixed, name, seed):
    """TCP: where Wireshark puts the segments in order."""
    options = ["-o", "tcp.reassemble_out_of_order:TRUE"]
    path = ROOT / "captures" / f"{name}.pcapng.gz"
    assert found(tshark, mixed(name, seed), *options) == found(tshark, path)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", TCP)
def test_tcp_not_withheld(tshark, mixed, name, seed):
    """TCP: where Wireshark hands over what comes late, but does not put it in order."""
    options = ["-o", "tcp.no_subdissector_on_error:FALSE"]
    path = ROOT / "captures" / f"{name}.pcapng.gz"
    assert found(tshark, mixed(name, seed), *options) == found(tshark, path)
