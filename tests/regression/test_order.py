"""Packets that stand in the capture in another order than they were sent in: nothing is missed whose bytes are there.

Captures are mixed up in transit (several queues of a network card, both directions from different taps): no packet
stands more than three places from where it was.
"""

import random
from collections import Counter

import pytest

from capture import Trace
from derived import read, written
from derived_webrtc import handshake_length
from many import ROOT, Many
from peer_wire import dont_have, have, piece, request
from session import TO_LEECHER, begin
from tshark import wireshark_version

PLACES = 3
SEEDS = range(20)
IN_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]
VERSION = wireshark_version()

UTP = ["libtorrent_utp", "libtorrent_utp_forky", "libtorrent_utp_lossy", "libtorrent_utp_three", "libtorrent_utp_trixie",
       "webtorrent_leecher_utp"]
TCP = ["libtorrent_tcp_fast", "npm_fast", "npm_ids", "npm_nofast", "webtorrent_leecher"]
# Encrypted, read with their keys.
MSE_UTP = ["encrypted/mse_default_utp", "encrypted/mse_rc4_utp"]
MSE_TCP = ["encrypted/mse_default_delay", "encrypted/mse_default_tcp", "encrypted/mse_rc4_tcp", "encrypted/mse_webtorrent",
           "encrypted/mse_webtorrent_rc4"]
# Without werift_again: there Wireshark decrypts one of two connections, or both where their handshakes stand otherwise.
WEBRTC = ["webrtc/firefox_dtls12", "webrtc/firefox_dtls13", "webrtc/webtorrent_webrtc", "webrtc/werift_channels",
          "webrtc/werift_cut", "webrtc/werift_fast", "webrtc/werift_lossy", "webrtc/werift_nofast"]


def mixed_up(packets, seed, fixed):
    """Packets that have moved by up to PLACES places, but for the first ones."""
    chance = random.Random(seed)
    moved = sorted(range(fixed, len(packets)), key=lambda number: (number + chance.uniform(0, PLACES), number))
    return [packets[number] for number in [*range(fixed), *moved]]


class Mixed:
    """Recordings as they are, and all their mixed-up forms, in one file; and their keys in one."""

    def __init__(self, staging, folder, names):
        paths = []
        for name in names:
            packets = read(name)
            fixed = handshake_length(packets) if name in WEBRTC else 0
            forms = {seed: mixed_up(packets, seed, fixed) for seed in SEEDS} | {"recorded": packets}
            for form, mixed in forms.items():
                paths.append(folder / f"{name.rpartition('/')[2]}-{form}.pcapng")
                paths[-1].write_bytes(written(mixed))
        self.many = Many(staging, paths)
        keys = folder / "keys"
        keys.write_text("".join((ROOT / "captures" / f"{name}.keys").read_text() for name in names if "/" in name))
        self.keys = staging.readable(keys)
        self.counted = {}

    def count(self, tshark, *options):
        """{name of a form: how often each piece was disowned}, read once for one pass and once for two."""
        if tshark.two_passes not in self.counted:
            counted = {path.stem: Counter() for path in self.many.captures}
            columns = ["-T", "fields", "-e", "frame.number", "-e", "bt.donthave.piece_index"]
            for line in tshark.read(self.many.path, *options, "-Y", "bt.donthave", *columns).splitlines():
                frame, _, pieces = line.partition("\t")
                counted[self.many.place(int(frame))[0].stem].update(piece for piece in pieces.split(",") if piece)
            self.counted[tshark.two_passes] = counted
        return self.counted[tshark.two_passes]


@pytest.fixture(scope="module")
def mixed(staging, tmp_path_factory):
    known = {}

    def get(names):
        if names[0] not in known:
            known[names[0]] = Mixed(staging, tmp_path_factory.mktemp("mixed"), names)
        return known[names[0]]
    return get


def check(tshark, mixed, name, *options):
    counted, name = mixed.count(tshark, *options), name.rpartition("/")[2]
    expected = counted[f"{name}-recorded"]
    assert expected.total() > 3
    assert {seed: counted[f"{name}-{seed}"] - expected + (expected - counted[f"{name}-{seed}"]) for seed in SEEDS
            if counted[f"{name}-{seed}"] != expected} == {}


@pytest.mark.parametrize("name", UTP)
def test_utp(tshark, mixed, name):
    """uTP: with no option."""
    check(tshark, mixed(UTP), name)


@pytest.mark.parametrize("name", TCP)
def test_tcp(tshark, mixed, name):
    """TCP: where Wireshark puts the segments in order."""
    check(tshark, mixed(TCP), name, *IN_ORDER)


@pytest.mark.parametrize("name", MSE_UTP)
def test_mse_over_utp(tshark, mixed, name):
    """Encrypted connections over uTP, whose packets have no place in the stream but their order."""
    check(tshark, mixed(MSE_UTP), name, "-o", f"bt.peer.mse_keylog_file:{mixed(MSE_UTP).keys}")


@pytest.mark.parametrize("name", MSE_TCP)
def test_mse_over_tcp(tshark, mixed, name):
    check(tshark, mixed(MSE_TCP), name, "-o", f"bt.peer.mse_keylog_file:{mixed(MSE_TCP).keys}", *IN_ORDER)


@pytest.mark.parametrize("name", WEBRTC)
def test_webrtc(tshark, mixed, name):
    """WebRTC: with the keys. Packets move once DTLS is open. Each recording by itself: after 20 copies of another one Wireshark
    no longer decrypts some."""
    if name == "webrtc/firefox_dtls13" and VERSION < (4, 4):
        pytest.skip("Wireshark decrypts no DTLS 1.3")
    check(tshark, mixed([name]), name, "-o", f"tls.keylog_file:{mixed([name]).keys}")


@pytest.mark.parametrize("size", [10, 11, 50])
def test_what_fills_a_hole_counts_once(tshark, written, size):
    """A DontHave comes first of what fills a hole, while it is not known where messages begin after that. Wireshark 4.6 hands
    over no late segment."""
    trace = Trace()
    peers = begin(trace)
    peers.leecher.send(request(5), request(6))
    said = dont_have(TO_LEECHER, 5) + piece(6, 0, bytes(2000)) + have(7)
    first = peers.seed.seq

    def send(begin, end):
        """Of what was said; the leecher acknowledges nothing of it."""
        peers.seed.seq = first + begin
        frame = peers.seed.send(said[begin:end])
        peers.seed.seq = first
        peers.leecher.acknowledge()
        return frame

    peers.leecher.acknowledge()
    send(700, 1400)
    send(1400, len(said))
    peers.leecher.acknowledge()
    late = send(0, size)
    send(size, 700)
    peers.seed.seq = first + len(said)
    last = peers.seed.send(dont_have(TO_LEECHER, 40))
    path = written(trace)
    handed_over = [f"{late} 5 1"] if VERSION < (4, 6) else []
    rows = tshark.rows(path, "frame.number bt.donthave.piece_index bt.donthave.requests", where="bt.donthave")
    assert rows == [*handed_over, f"{last} 40 0"]
    assert {item.split()[1] for item in tshark.experts(path)} == ({"invalidated"} if handed_over else set())


@pytest.mark.parametrize("option", ["tcp.analyze_sequence_numbers:FALSE", "tcp.no_subdissector_on_error:FALSE"])
def test_what_comes_again_after_a_hole_counts_once(tshark, written, option):
    """A DontHave comes again while it is not known where messages begin: the segment after a hole is inside a block."""
    trace = Trace()
    peers = begin(trace)
    said = dont_have(TO_LEECHER, 5)
    hole = piece(6, 0, bytes(200)) + have(6)
    first = peers.seed.send(said)
    peers.seed.skip(hole)
    peers.seed.send(bytes(1000))
    peers.seed.seq -= len(said + hole) + 1000
    peers.seed.send(said)
    peers.seed.skip(hole + bytes(1000))
    last = peers.seed.send(dont_have(TO_LEECHER, 7))
    assert tshark.rows(written(trace), "frame.number bt.donthave.piece_index", "-o", option, where="bt.donthave") == [
        f"{first} 5", f"{last} 7"]
