"""The committed captures are what the generators write: python3 captures/generate"""

import pytest

from tshark import SYNTHETIC

import capture
import families


@pytest.mark.parametrize("name", sorted(capture.CAPTURES))
def test_committed_file_is_up_to_date(name):
    assert capture.read(name) == capture.build(name)


def test_every_file_has_a_generator():
    assert {path.name for path in SYNTHETIC.iterdir()} == set(capture.CAPTURES)


def test_every_capture_is_described():
    """Each generator says in its docstring what the frames are; where it has none, what it shares with others does: a story
    file, or a function of its module."""
    assert all(family.__doc__ for family in families.FAMILIES)
    silent = {name.partition(".")[0].removesuffix("-utp") for name, (fill, *_) in capture.CAPTURES.items() if not fill.__doc__}
    assert {name for name in silent if not name.startswith("story-")} == {
        "clean-fast", "clean-no-fast", "framing-no-reassembly", "late-port-6881", "late-port-51413", "late-port-27000"}
