"""Recordings of encrypted connections (MSE) in the hard forms of derived.py, read with their keys: RC4, and plaintext after MSE's
handshake. No DontHave is shown that is not there, and those that are missed are those whose bytes are missing.

What was said is known from captures/record/mse.py, which decrypts whole recordings without the plugin.
"""

import pytest

import derived
import mse
from derived_check import Forms, each_once, forms_of
from many import ROOT

FOLDER = ROOT / "captures" / "encrypted"
RC4 = ["mse_rc4_tcp", "mse_rc4_utp", "mse_webtorrent_rc4"]
PLAINTEXT = ["mse_default_tcp", "mse_default_delay", "mse_default_utp", "mse_webtorrent"]


@pytest.fixture(scope="module")
def written(staging, tmp_path_factory):
    """For the name of a recording, all its forms, and the option with its keys."""
    def make(name, keys, folder):
        return Forms(staging, folder, forms_of(derived.read(f"encrypted/{name}"), mse.read_keys(keys)))
    return each_once(staging, tmp_path_factory, FOLDER, "bt.peer.mse_keylog_file", make)


@pytest.mark.parametrize("name", [*RC4, *PLAINTEXT])
def test_none_is_missed_whose_bytes_are_there(tshark, written, name):
    forms, keys = written(name)
    forms.check(tshark, *keys)


# --- without a packet of the handshake ---

def handshake_missing(name):
    """Forms of a recording that each lack one packet from before what the responder says first in plaintext, or two. That alone
    proves it to be MSE and plaintext, so all is found, with no key."""
    recording = derived.read(f"encrypted/{name}")
    keys = mse.read_keys((FOLDER / f"{name}.keys").read_text())
    connection, = mse.connections(derived.written(recording), keys)
    said = connection.payload_frame((connection.b, connection.a)) - 1
    all_of_it = derived.expected(derived.sent_in(recording, keys), recording)[0]
    assert all_of_it.total() > 3
    for first in range(said):
        for second in range(first, min(first + 4, said)):
            form = [packet for number, packet in enumerate(recording[:said]) if number not in (first, second)] + recording[said:]
            yield f"{first}-{second}", form, derived.ETHERNET, all_of_it, all_of_it


@pytest.mark.parametrize("name", ["mse_default_tcp", "mse_default_utp", "mse_webtorrent"])
def test_packets_of_the_handshake_are_missing(tshark, staging, tmp_path, name):
    Forms(staging, tmp_path, handshake_missing(name)).check(tshark)
