"""The captures of encrypted connections are what captures/README.md says, without the plugin.

Their truth is what the clients logged, and a decoder that knows nothing of the plugin: captures/record/mse.py.
"""

import gzip
import json
import sys

import pytest

from tshark import ROOT

sys.path.append(str(ROOT / "captures" / "record"))

import check
import mse
from streams import Mismatch

CAPTURES = sorted((ROOT / "captures" / "encrypted").glob("mse_*.pcapng.gz"))
WITHOUT_DONT_HAVES = {"mse_transmission", "mse_transmission_qbittorrent", "mse_qbittorrent"}


def name(capture):
    return capture.name.partition(".")[0]


def read(capture):
    return gzip.decompress(capture.read_bytes())


def log_of(capture):
    return [json.loads(line) for line in mse.beside(capture, ".log").read_text().splitlines()]


def captures(*, method=None, logged=None):
    """Those whose connections end in that method, and those whose clients log."""
    chosen = [capture for capture in CAPTURES if (method is None or method_of(capture) == method)
              and (logged is None or (name(capture) not in WITHOUT_DONT_HAVES) == logged)]
    return pytest.mark.parametrize("capture", chosen, ids=name)


def method_of(capture):
    return "plaintext" if name(capture).startswith("mse_default") or name(capture) == "mse_webtorrent" else "rc4"


def test_rc4():
    """RFC 6229, section 2: the key stream of the 40-bit key 0102030405 at 1024, where MSE begins with it."""
    assert mse.RC4(bytes([1, 2, 3, 4, 5])).take(16).hex() == "30abbcc7c20b01609f23ee2d5f6bb7df"


@captures()
def test_one_connection_that_a_key_opens(capture):
    """It is MSE with that method, and what was said is messages and blocks of the torrent, to the last byte."""
    connection, = mse.connections(read(capture), mse.keys_beside(capture))
    assert connection.method == method_of(capture)
    assert connection.info_hash is not None
    assert not any(stream.bytes.startswith(mse.PROTOCOL) for stream in connection.streams.values())
    assert check.check_content([connection]) > 0


@captures(logged=True)
def test_dont_haves_are_those_of_the_log(capture):
    keys = mse.keys_beside(capture)
    check.compare(read(capture), log_of(capture), keys)
    found = sum(map(len, mse.dont_haves(mse.connections(read(capture), keys)).values()))
    assert found == sum(entry["event"] == "donthave" for entry in log_of(capture)) > 0


@captures(logged=False)
def test_without_dont_haves(capture):
    """The clients log nothing. The whole torrent was downloaded."""
    assert not mse.beside(capture, ".log").exists()
    assert check.compare(read(capture), [], mse.keys_beside(capture)) == "1 rc4, 16 block"


@captures(method="plaintext")
def test_plaintext_needs_no_key(capture):
    """Without keys the same is found, but for the handshake of the initiator where it is in IA."""
    with_keys, = mse.connections(read(capture), mse.keys_beside(capture))
    without, = mse.connections(read(capture))
    a_to_b, b_to_a = (with_keys.a, with_keys.b), (with_keys.b, with_keys.a)
    assert with_keys.ia + without.plain[a_to_b] == with_keys.plain[a_to_b]
    assert without.plain[b_to_a] == with_keys.plain[b_to_a]
    assert mse.dont_haves([without]) == mse.dont_haves([with_keys])


@captures(method="rc4")
def test_rc4_needs_the_key(capture):
    """Without it nothing is read, nor with the key of another capture."""
    other = next(other for other in CAPTURES if other != capture)
    for keys in ([], mse.keys_beside(other)):
        with pytest.raises(Mismatch, match="no key opens that"):
            mse.connections(read(capture), keys)


@pytest.mark.parametrize("capture", [path for path in CAPTURES if name(path) == "mse_default_delay"], ids=name)
def test_handshake_within_a_segment(capture):
    """Over a long path the responder's handshake comes in the segment of crypto_select."""
    connection, = mse.connections(read(capture))
    responder = connection.b, connection.a
    stream, position = connection.streams[responder], connection.payload_at[responder]
    assert stream.frame_at(position - 1) == stream.frame_at(position)


def test_a_wrong_log_is_noticed():
    """A DontHave, a Request or a Reject that is not in the capture, or one too few, or another method."""
    capture = ROOT / "captures" / "encrypted" / "mse_rc4_tcp.pcapng.gz"
    pcapng, log, keys = read(capture), log_of(capture), mse.keys_beside(capture)
    for event in ("donthave", "request", "reject"):
        number = next(number for number, entry in enumerate(log) if entry["event"] == event)
        other_piece = {**log[number], "piece": log[number]["piece"] ^ 1}
        for wrong in (log[:number] + log[number + 1:], [*log[:number], other_piece, *log[number + 1:]], [*log, log[number]]):
            with pytest.raises(Mismatch):
                check.compare(pcapng, wrong, keys)
    plaintext = [{**entry, "method": "plaintext"} if entry["event"] == "encrypted" else entry for entry in log]
    assert plaintext != log
    with pytest.raises(Mismatch, match="rc4, logged plaintext"):
        check.compare(pcapng, plaintext, keys)
    with pytest.raises(Mismatch, match="no DontHave"):
        check.compare(pcapng, [entry for entry in log if entry["event"] == "request"], keys)


def test_every_capture_is_tested():
    """Those of each kind are there, and no log or keys without a capture."""
    names = set(map(name, CAPTURES))
    folder = ROOT / "captures" / "encrypted"
    assert {path.stem for path in folder.glob("mse_*.keys")} == names
    assert {path.stem for path in folder.glob("mse_*.log")} == names - WITHOUT_DONT_HAVES
    assert WITHOUT_DONT_HAVES < names
    assert {method_of(capture) for capture in CAPTURES} == {"plaintext", "rc4"}
