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
    """Each generator says in its docstring, or in that of what it shares with others, what the frames are."""
    for family in families.FAMILIES:
        assert family.__doc__
