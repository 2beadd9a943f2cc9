"""libtorrent at libtorrent, encrypted (MSE). As in test_libtorrent.py, the seed has lost files."""

import re

import downloads
from test_libtorrent import check, each_transport

KEYS_LINE = re.compile(r"MSE [0-9a-f]{192} [0-9a-f]{40}")


def run(stage, transport, encryption):
    """A download whose connection is MSE, by the leecher's word, and whose secrets the leecher logs. Returns the method."""
    downloads.encrypted_download(stage, transport, encryption)
    method, = [event["method"] for event in stage.events("encrypted")]
    key, = stage.keys_file.read_text().splitlines()
    assert KEYS_LINE.fullmatch(key)
    assert len(stage.logged("donthave")) > 0
    return method


@each_transport
def test_default_settings(stage, transport):
    """Both ends offer plaintext and RC4, and take plaintext: tshark needs no key."""
    assert run(stage, transport, "default") == "plaintext"
    check(stage)


@each_transport
def test_rc4_with_key_log(stage, transport):
    """tshark reads the key log that the leecher writes meanwhile; it was empty when tshark started."""
    stage.decrypt_mse()
    assert run(stage, transport, "rc4") == "rc4"
    check(stage)
