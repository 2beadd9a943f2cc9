"""The independent decoder of WebRTC captures, without tshark: captures/record/webrtc.py, against the clients' logs.

Other tests take what it says for the truth. So it must notice when a capture lacks something or keys do not fit.
"""

import gzip
import json
import re
import struct
import sys

import pytest

from tshark import ROOT

sys.path.append(str(ROOT / "captures" / "record"))
import check
import mse
import webrtc
from streams import Mismatch
from streams import datagrams as all_datagrams

CAPTURES = sorted((ROOT / "captures" / "webrtc").glob("*.pcapng.gz"))

each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.partition(".")[0])


def beside(capture, ending):
    return (capture.parent / (capture.name.partition(".")[0] + ending)).read_text()


def log_of(capture):
    return [json.loads(line) for line in beside(capture, ".log").splitlines()]


def contents(capture):
    return gzip.decompress(capture.read_bytes())


def datagrams(capture):
    return list(all_datagrams(contents(capture)))


def named(name):
    return ROOT / "captures" / "webrtc" / f"{name}.pcapng.gz"


def test_there_are_captures():
    assert {"werift_cut", "firefox_dtls12", "firefox_dtls13"} <= {path.name.partition(".")[0] for path in CAPTURES}


@each_capture
def test_capture_and_log_agree(capture):
    """All that the clients logged is in the capture, and nothing else."""
    assert "donthave" in check.compare_files(contents(capture), log_of(capture), beside(capture, ".keys"))


@each_capture
def test_both_directions_are_bittorrent(capture):
    """Each channel has a handshake in both directions, and messages after it, in the order of the frames."""
    for channel in webrtc.channels(datagrams(capture), beside(capture, ".keys")):
        assert len(channel.ends) == 2
        for end in channel.ends:
            stream = channel.bytes_from(end)
            assert stream.startswith(mse.PROTOCOL)
            assert [kind for kind, _ in mse.messages(stream)]
            frames = [message.frame for message in channel.sent[end]]
            assert frames == sorted(frames)


def test_channels_and_associations_are_kept_apart():
    """Two channels of one association, and two associations on the same pair of ports."""
    channels = webrtc.channels(datagrams(named("werift_channels")), beside(named("werift_channels"), ".keys"))
    assert [(channel.association, channel.stream) for channel in channels] == [(0, 1), (0, 3)]
    assert [channel.label for channel in channels] == ["wire 0", "wire 1"]
    channels = webrtc.channels(datagrams(named("werift_again")), beside(named("werift_again"), ".keys"))
    assert [(channel.association, channel.stream) for channel in channels] == [(0, 1), (1, 1)]
    assert channels[0].ends == channels[1].ends


@pytest.mark.parametrize("name", ["werift_fast", "firefox_dtls12", "firefox_dtls13"])
def test_order_and_repetition_do_not_matter(name):
    """Packets that come late or twice change nothing: only the first of the handshake must stay where they are."""
    packets, keys = datagrams(named(name)), beside(named(name), ".keys")
    start = next(number for number, (*_, data) in enumerate(packets) if len(data) > 1000 and data[0] >= 23)
    pairs = zip(packets[start + 1::2], packets[start::2])
    odd_one = packets[start + len(packets[start:]) // 2 * 2:]
    mixed = packets[:start] + [packet for pair in pairs for packet in (*pair, pair[0])] + odd_one
    plain, late = (webrtc.channels(order, keys) for order in (packets, mixed))
    assert [[channel.bytes_from(end) for end in channel.ends] for channel in plain] == \
           [[channel.bytes_from(end) for end in channel.ends] for channel in late]


@pytest.mark.parametrize("name", ["werift_fast", "firefox_dtls13"])
def test_a_lost_packet_is_noticed(name):
    """One packet with a part of a block is missing."""
    packets = datagrams(named(name))
    large = [number for number, (*_, data) in enumerate(packets) if len(data) > 1000]
    del packets[large[len(large) // 2]]
    with pytest.raises(webrtc.Unreadable, match="hole"):
        webrtc.channels(packets, beside(named(name), ".keys"))


@pytest.mark.parametrize("name", ["werift_fast", "firefox_dtls12", "firefox_dtls13"])
def test_keys_that_do_not_fit_are_noticed(name):
    """No key for the connection, and a key with one bit wrong."""
    keys = beside(named(name), ".keys")
    with pytest.raises(webrtc.Unreadable, match="no CLIENT"):
        webrtc.channels(datagrams(named(name)), "")
    wrong = re.sub(r"[0-9a-f]$", lambda digit: "0" if digit[0] != "0" else "1", keys, flags=re.M)
    with pytest.raises(webrtc.Unreadable, match="does not fit the key"):
        webrtc.channels(datagrams(named(name)), wrong)


def test_a_changed_message_is_noticed():
    """A log that has another piece in one line does not agree."""
    capture = named("werift_fast")
    log = log_of(capture)
    changed = next(entry for entry in log if entry["event"] == "donthave")
    changed["piece"] += 1
    with pytest.raises(Mismatch, match="donthave"):
        check.compare_files(contents(capture), log, beside(capture, ".keys"))


def test_an_altered_packet_is_noticed():
    """One bit of an encrypted record is wrong."""
    packets = datagrams(named("werift_fast"))
    number = next(number for number, (*_, data) in enumerate(packets) if len(data) > 1000 and data[0] == 23)
    frame, sender, receiver, data = packets[number]
    packets[number] = (frame, sender, receiver, data[:-1] + struct.pack("B", data[-1] ^ 1))
    with pytest.raises(webrtc.Unreadable, match="does not fit the key"):
        webrtc.channels(packets, beside(named("werift_fast"), ".keys"))
