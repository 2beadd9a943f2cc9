"""Recordings of WebRTC in the hard forms of derived.py that UDP has, read with their keys. No DontHave is shown that is not there,
and those that are missed are those whose bytes are missing, see derived_webrtc.py."""

import pytest

import derived
from derived import ETHERNET, SLL
from derived_check import Forms, each_once
from derived_webrtc import Truth, handshake_length
from many import ROOT
from tshark import wireshark_version

FOLDER = ROOT / "captures" / "webrtc"
# Without werift_again: of its two connections Wireshark decrypts one.
NAMES = ["firefox_dtls12", "firefox_dtls13", "webtorrent_webrtc", "werift_channels", "werift_cut", "werift_fast", "werift_lossy",
         "werift_nofast"]
SEEDS = 10


def forms_of(recording, keys, twice):
    """Each form, as derived_check.forms_of() has it. twice: Wireshark decrypts what was captured twice."""
    fixed, truth = handshake_length(recording), Truth(recording, keys)
    numbers = range(len(recording))
    all_of_it = truth.expected({number: number for number in numbers})
    assert all_of_it[0] == all_of_it[1] and all_of_it[0].total() > 3

    def some(kept):
        """The packets of these numbers."""
        return [recording[number] for number in kept], ETHERNET, \
            *truth.expected({number: place for place, number in enumerate(kept)})

    if twice:
        yield "duplicates", derived.of_both_sides(recording), ETHERNET, *all_of_it
    yield "any", derived.of_any_interface(recording), SLL, *all_of_it
    for seed in range(SEEDS):
        lost = derived.lossy([*numbers[fixed:]], seed)
        yield f"lossy-{seed}", *some([*numbers[:fixed], *lost])
    for count in range(1, 31):
        yield f"begun-{count}", *some([*numbers[:fixed], *numbers[fixed + count:]])
    for size in range(100, 201, 20):
        form = recording[:fixed] + derived.cut(recording[fixed:], size)
        whole = [number for number in numbers if number < fixed or len(recording[number].data) <= size]
        yield f"cut-{size}", form, ETHERNET, *truth.expected({number: number for number in whole})
    yield "late", recording[fixed:], ETHERNET, *truth.expected({})


@pytest.fixture(scope="module")
def written(staging, tmp_path_factory):
    """For the name of a recording, all its forms, and the option with its keys."""
    def make(name, keys, folder):
        # Of DTLS 1.3, Wireshark 4.4 decrypts no record of one side any more where each was captured twice, at both ends.
        forms = forms_of(derived.read(f"webrtc/{name}"), keys, twice=name != "firefox_dtls13")
        # What waits for a lost chunk is shown where its receiver acknowledges that.
        return Forms(staging, folder, forms, by_sender=False)
    return each_once(staging, tmp_path_factory, FOLDER, "tls.keylog_file", make)


@pytest.mark.parametrize("name", NAMES)
def test_none_is_missed_whose_bytes_are_there(tshark, written, name):
    if name == "firefox_dtls13" and wireshark_version() < (4, 4):
        pytest.skip("Wireshark decrypts no DTLS 1.3")
    forms, keys = written(name)
    forms.check(tshark, *keys)
