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
