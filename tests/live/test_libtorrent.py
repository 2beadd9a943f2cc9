"""libtorrent at libtorrent, with the Fast extension. The seed sends a DontHave and a Reject for each block of a lost piece.

libtorrent repeats a DontHave for each block, and a leecher may ask for a piece before it has read that it is lost.
"""

import pytest

import downloads

ROUTINE = ("redundant", "late_request", "contradicts_advice", "closed_after")

each_transport = pytest.mark.parametrize("transport", ["tcp", "utp"])


def check(stage):
    stage.check_captures()
    stage.check_dont_haves()
    stage.check_rejects()
    stage.check_expert_items(*ROUTINE)


@each_transport
def test_one_leecher(stage, transport):
    """A leecher at a seed."""
    downloads.libtorrent_download(stage, transport)
    check(stage)


@each_transport
def test_three_leechers(stage, transport):
    """Three leechers at one seed at the same time: each connection has its own DontHaves."""
    downloads.libtorrent_download(stage, transport, leechers=3)
    check(stage)
