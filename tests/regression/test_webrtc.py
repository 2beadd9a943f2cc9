"""BitTorrent over WebRTC: what the plugin shows of the captures of real clients, with the keys.

The truth is captures/record/webrtc.py, a decoder that knows nothing of the plugin, and what the clients logged.
"""

import bisect
import collections
import functools
import gzip
import itertools
import json
import re
import struct
import sys

import pytest

from many import Many
from tshark import ROOT, wireshark_version

sys.path.append(str(ROOT / "captures" / "record"))
import dtls
import mse
import webrtc
from streams import datagrams

FOLDER = ROOT / "captures" / "webrtc"
CAPTURES = sorted(FOLDER.glob("*.pcapng.gz"))
VERSION = wireshark_version()
DTLS13 = "firefox_dtls13"       # 4.0 cannot decrypt it
AGAIN = "werift_again"          # of two DTLS connections on the same ports, Wireshark decrypts the first
HANDSHAKE = -1                  # a message without a type

NAMES = [path.name.partition(".")[0] for path in CAPTURES]
READABLE = [name for name in NAMES if VERSION >= (4, 4) or name != DTLS13]
each_capture = pytest.mark.parametrize("name", READABLE)


def beside(name, ending):
    return FOLDER / (name + ending)


def keys(tshark, name):
    return "-o", f"tls.keylog_file:{tshark.staging.readable(beside(name, '.keys'))}"


@functools.lru_cache(maxsize=None)      # Python takes long to decrypt
def truth(name):
    channels = webrtc.channels(datagrams(gzip.decompress(beside(name, ".pcapng.gz").read_bytes())),
                               beside(name, ".keys").read_text())
    return [channel for channel in channels if name != AGAIN or channel.association == 0]


Sent = collections.namedtuple("Sent", "frame parts kind payload")   # parts: frames of the chunks that hold it


def sent(channel, end):
    """All messages of BitTorrent that one end sent, each with the frame that completes it."""
    messages = channel.sent[end]
    message_ends = list(itertools.accumulate(len(message.data) for message in messages))
    parts = [part for message in messages for part in message.parts]
    part_ends = list(itertools.accumulate(size for _, size in parts))
    stream, at = channel.bytes_from(end), 0
    while at < len(stream):
        handshake = at == 0 and stream.startswith(mse.PROTOCOL)
        size = mse.HANDSHAKE_LENGTH if handshake else 4 + struct.unpack_from(">I", stream, at)[0]
        first, last = (bisect.bisect_right(part_ends, position) for position in (at, at + size - 1))
        kind, payload = (HANDSHAKE, b"") if handshake else (stream[at + 4], stream[at + 5:at + size])
        yield Sent(messages[bisect.bisect_right(message_ends, at + size - 1)].frame,
                   [frame for frame, _ in parts[first:last + 1]], kind, payload)
        at += size


@functools.lru_cache(maxsize=None)
def all_sent(name):
    return [(channel, end, message) for channel in truth(name) for end in channel.ends for message in sent(channel, end)]


@functools.lru_cache(maxsize=None)
def dont_haves(name):
    """(frame, sender, piece) of each."""
    found = []
    for channel in truth(name):
        ids = {}
        for end in channel.ends:
            for kind, payload in mse.messages(channel.bytes_from(end)):
                assigned = kind == mse.EXTENDED and payload[0] == 0 and re.search(rb"11:lt_donthavei(\d+)e", payload)
                if assigned:
                    ids[end] = int(assigned[1])
        for end, other in zip(channel.ends, reversed(channel.ends)):
            for message in sent(channel, end):
                if message.kind == mse.EXTENDED and message.payload[0] and message.payload[0] == ids.get(other):
                    found.append((message.frame, end, int.from_bytes(message.payload[1:], "big")))
    return found


def logged(name, event):
    lines = map(json.loads, beside(name, ".log").read_text().splitlines())
    return sorted((line["piece"], line["begin"]) for line in lines if line["event"] == event)


COLUMNS = ["ip.src", "udp.srcport", "bt.donthave.piece_index", "bittorrent.msg.type", "bittorrent.protocol.name",
           "bittorrent.piece.data", "bt.peer.reassembled_from", "sctp.chunk_type"]


class Printed:
    """What tshark prints of a capture: (frame, sender, value) of each value of a column."""

    def __init__(self):
        self._rows = {}

    def __call__(self, tshark, name, column):
        key = tshark.two_passes, name
        if key not in self._rows:
            self._rows[key] = tshark.table(beside(name, ".pcapng.gz"), COLUMNS, *keys(tshark, name))
        return [(int(row["frame.number"]), f"{row['ip.src']}:{row['udp.srcport']}", value)
                for row in self._rows[key] if row[column] for value in row[column].split(",")]


printed = Printed()


def test_there_are_captures():
    assert {"werift_cut", "werift_channels", "werift_lossy", "webtorrent_webrtc", "firefox_dtls12"} <= set(READABLE)


@each_capture
def test_every_dont_have(tshark, name):
    """Each in the frame that completes it, with its piece, for each sender."""
    found = [(frame, sender, int(piece)) for frame, sender, piece in printed(tshark, name, "bt.donthave.piece_index")]
    assert found
    assert sorted(found) == sorted(dont_haves(name))


@each_capture
def test_every_message(tshark, name):
    """The built-in dissector shows each message, in the frame that completes it, as often as it was sent."""
    found = sorted((frame, sender, int(kind)) for frame, sender, kind in printed(tshark, name, "bittorrent.msg.type"))
    assert found == sorted((message.frame, end, message.kind) for _, end, message in all_sent(name)
                           if message.kind != HANDSHAKE)


@each_capture
def test_handshakes(tshark, name):
    found = sorted(place for *place, _ in printed(tshark, name, "bittorrent.protocol.name"))
    assert found == sorted([message.frame, end] for _, end, message in all_sent(name) if message.kind == HANDSHAKE)


@each_capture
def test_blocks_are_whole(tshark, name):
    """A block's data is what was sent, though it came in several packets. tshark prints the beginning of long data."""
    found = sorted((frame, data.replace(":", "").rstrip("…"))
                   for frame, _, data in printed(tshark, name, "bittorrent.piece.data"))
    sent_blocks = sorted((message.frame, message.payload[8:].hex()) for *_, message in all_sent(name)
                         if message.kind == mse.PIECE)
    assert len(found) == len(sent_blocks) > 0
    for (frame, data), (sent_in, block) in zip(found, sent_blocks):
        assert frame == sent_in and block.startswith(data) and len(data) >= 48


@each_capture
def test_reassembled(tshark, name):
    """A message that lies in several chunks names their frames."""
    found = collections.defaultdict(list)
    for frame, _, part in printed(tshark, name, "bt.peer.reassembled_from"):
        found[frame].append(int(part))
    expected = collections.defaultdict(list)
    for *_, message in all_sent(name):
        if len(message.parts) > 1 or message.parts[0] != message.frame:
            expected[message.frame] += [frame for frame, _ in itertools.groupby(message.parts)]
    assert expected
    assert found.keys() == expected.keys()
    for frame, frames in found.items():     # messages that came late, one after the other, are put together as one
        assert set(frames) == set(expected[frame])
        assert frames == expected[frame] or len(frames) < len(expected[frame])


@each_capture
def test_every_chunk_of_sctp_is_shown(tshark, name):
    """Nothing is lost of what Wireshark shows of SCTP."""
    found = collections.defaultdict(list)
    for frame, _, kind in printed(tshark, name, "sctp.chunk_type"):
        found[frame].append(kind)
    assert found == chunk_types(name)


def chunk_types(name):
    """{frame: types of the chunks in it}, by the other decoder."""
    types = collections.defaultdict(list)
    decryptor = dtls.Decryptor(dtls.read_keys(beside(name, ".keys").read_text()))
    first = None
    for frame, sender, receiver, payload in datagrams(gzip.decompress(beside(name, ".pcapng.gz").read_bytes())):
        for connection, packet in decryptor.application_data(sender, receiver, payload):
            first = connection if first is None else first
            if connection == first:
                types[frame] += [str(kind) for kind, _, _ in webrtc.chunks_of(packet)]
    return dict(types)


@pytest.mark.parametrize("name", [name for name in READABLE if name != AGAIN])
def test_failed_requests(two_passes, name):
    """The requests that a client gave up because "peer sent donthave" are those that the ledger shows as invalidated."""
    items = two_passes.items(beside(name, ".pcapng.gz"), "request", "piece_index begin", *keys(two_passes, name))
    failed = logged(name, "request_failed")
    assert failed
    if name.startswith("webtorrent"):       # asks again so fast that it counts differently
        assert items
        return
    assert sorted(tuple(map(int, item.split()[1:3])) for item in items) == failed


@pytest.fixture(scope="module")
def all_captures(staging):
    return Many(staging, CAPTURES).path


def test_nothing_without_keys(tshark, all_captures):
    """No key: tshark prints what it prints without the plugin."""
    assert tshark.read(all_captures, "-V") == tshark.stock(all_captures, "-V")


@pytest.mark.parametrize("off", [["--disable-protocol", "bt.peer"], ["--disable-heuristic", "bt_peer_webrtc"]], ids=" ".join)
def test_switched_off(tshark, off):
    """What stock shows of DTLS that it decrypts, byte for byte."""
    capture, options = beside("werift_cut", ".pcapng.gz"), [*keys(tshark, "werift_cut"), "-V"]
    assert tshark.read(capture, *options, *off) == tshark.stock(capture, *options)


@pytest.mark.skipif(VERSION >= (4, 4), reason="Wireshark decrypts DTLS 1.3")
def test_dtls13_shows_nothing(tshark):
    """A version that cannot decrypt DTLS 1.3 shows what it shows without the plugin."""
    capture, options = beside(DTLS13, ".pcapng.gz"), [*keys(tshark, DTLS13), "-V"]
    assert tshark.read(capture, *options) == tshark.stock(capture, *options)


@pytest.mark.parametrize("name, shown", [("other_dtls", ["Constrained Application Protocol"]),
                                         ("srtp", ["[Stream setup by DTLS-SRTP", "Decrypted DTLS (35 bytes)"])])
def test_other_protocols_in_dtls(tshark, name, shown):
    """CoAP and other texts in DTLS between openssl's programs, decrypted, and SRTP whose keys DTLS negotiated, on the same
    ports: as without the plugin, byte for byte, line of the packet list, tree and bytes."""
    capture = ROOT / "captures" / "dtls" / f"{name}.pcapng.gz"
    keys_file = tshark.staging.readable(capture.with_name(name + ".keys"))
    options = ["-o", f"tls.keylog_file:{keys_file}", "-PVx"]
    printed_by_stock = tshark.stock(capture, *options)
    assert all(text in printed_by_stock for text in shown)
    assert tshark.read(capture, *options) == printed_by_stock


def decode_as(name):
    """Options that lead DTLS to SCTP without the plugin, from 4.4 on."""
    port = datagram_port(name)
    return ["-d", f"dtls.port=={port},sctp"]


def without_name(text):
    return [line for line in text.splitlines() if "Application Data Protocol: " not in line]


def datagram_port(name):
    senders = {sender for _, sender, _, payload in datagrams(gzip.decompress(beside(name, ".pcapng.gz").read_bytes()))
               if 20 <= payload[0] < 64}  # DTLS, not STUN (RFC 7983)
    return sorted(senders)[0].rpartition(":")[2]


@pytest.mark.skipif(VERSION < (4, 4), reason="Wireshark leads no port of DTLS to SCTP")
@pytest.mark.parametrize("name", ["werift_cut", "firefox_dtls13"])
def test_sctp_is_shown_as_by_decode_as(tshark, name):
    """Packets without BitTorrent are shown as stock shows them where the user leads DTLS to SCTP, byte for byte but for the
    protocol that DTLS names then; and where the user does so with the plugin, DontHaves are found all the same."""
    capture, options = beside(name, ".pcapng.gz"), keys(tshark, name)
    with_bittorrent = {message.frame for *_, message in all_sent(name)}
    others = " && ".join(f"frame.number != {frame}" for frame in sorted(with_bittorrent))
    text = [*options, "-V", "-Y", others]
    assert without_name(tshark.read(capture, *text)) == without_name(tshark.stock(capture, *text, *decode_as(name)))
    found = tshark.rows(capture, "frame.number bt.donthave.piece_index", *options, *decode_as(name), where="bt.donthave")
    assert sorted(tuple(map(int, row.split())) for row in found if "," not in row) == sorted(
        (frame, piece) for frame, _, piece in dont_haves(name)
        if sum(other == frame for other, *_ in dont_haves(name)) == 1)
