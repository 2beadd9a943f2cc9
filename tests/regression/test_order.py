"""Packets that stand in the capture in another order than they were sent in: nothing is missed whose bytes are there.

Captures are mixed up in transit (several queues of a network card, both directions from different taps): no packet
stands more than three places from where it was.
"""

import random
import struct
from collections import Counter

import pytest

from many import INTERFACE, LAYERS, PACKET, ROOT, SECTION, Many, block, contents, packets
from tshark import PLUGINS

UTP = ["libtorrent_utp", "libtorrent_utp_forky", "libtorrent_utp_lossy", "libtorrent_utp_three", "libtorrent_utp_trixie",
       "webtorrent_leecher_utp"]
# Without werift_again: there Wireshark decrypts one of two connections, or both where their handshakes stand otherwise.
WEBRTC = [f"webrtc/{name}" for name in ("firefox_dtls12", "firefox_dtls13", "webtorrent_webrtc", "werift_channels", "werift_cut",
                                        "werift_fast", "werift_lossy", "werift_nofast")]
TCP = ["libtorrent_tcp_fast", "npm_fast", "npm_ids", "npm_nofast", "webtorrent_leecher"]
PLACES = 3
VERSION = tuple(map(int, next(PLUGINS.glob("*.*")).name.split(".")))
SEEDS = range(20)


def handshake_length(read):
    """How many packets come before the first data in DTLS, over UDP and IPv4: without all of them Wireshark decrypts none."""
    for number, (link_type, _, _, packet) in enumerate(read):
        at = LAYERS[link_type][1]
        kind = packet[at + 28] if packet[at + 9] == 17 and len(packet) > at + 28 else 0
        if kind == 23 or kind & 0xE3 == 0x23:   # RFC 6347, 4.1; RFC 9147, 4: of epoch 3
            return number
    return 0


def mixed_up(path, seed):
    """The bytes of a capture whose packets have moved by up to PLACES places."""
    chance = random.Random(seed)
    read = list(packets(contents(path)))
    fixed = handshake_length(read) if "webrtc" in path.parts else 0
    order = [*range(fixed), *sorted(range(fixed, len(read)),
                                    key=lambda number: (number + chance.uniform(0, PLACES), number))]
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
            folder = tmp_path_factory.mktemp(name.replace("/", "-"))
            for seed in SEEDS:
                (folder / f"{seed}.pcapng").write_bytes(mixed_up(ROOT / "captures" / f"{name}.pcapng.gz", seed))
            known[name] = Many(staging, [folder / f"{seed}.pcapng" for seed in SEEDS])
        return known[name]
    return write


def check(tshark, mixed, name, *options):
    expected = Counter(piece for _, pieces in found(tshark, ROOT / "captures" / f"{name}.pcapng.gz", *options)
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


@pytest.mark.parametrize("name", WEBRTC)
def test_webrtc(tshark, mixed, name):
    """WebRTC: with the keys. Packets move once DTLS is open."""
    if name == "webrtc/firefox_dtls13" and VERSION < (4, 4):
        pytest.skip("Wireshark decrypts no DTLS 1.3")
    check(tshark, mixed, name, "-o", f"tls.keylog_file:{tshark.staging.readable(ROOT / 'captures' / f'{name}.keys')}")
