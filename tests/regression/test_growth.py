"""What many messages cost, in instructions, which are the same on each run: four times as many cost four times as much, and
Wireshark with the plugin, in one pass, no more than three times Wireshark without it.

counting.py says how they are counted.
"""

from pathlib import Path

import pytest

import heavy
from counting import counted_pairs, written
from tcp import TcpConnection
from tshark import PLUGINS
from utp import UtpConnection

# Messages or packets of the larger capture, of which the smaller has a quarter, and those of an attack on Wireshark.
CASES = {
    ("dont_haves_in_one_frame", UtpConnection): (20_000, 100_000),
    ("have_nones_after_dont_haves", TcpConnection): (4_000, 40_000),
    ("bitfields_after_dont_haves", TcpConnection): (4_000, 40_000),
    ("have_nones_after_sparse_haves", TcpConnection): (4_000, 40_000),
    ("dont_haves_after_requests", TcpConnection): (4_000, 80_000),
    ("dont_haves_after_requests", UtpConnection): (8_000, 80_000),
    ("late_requests_in_one_frame", TcpConnection): (16_000, 40_000),
    ("late_requests_in_one_frame", UtpConnection): (16_000, 40_000),
    ("late_blocks_in_one_frame", TcpConnection): (16_000, 40_000),
    ("late_blocks_in_one_frame", UtpConnection): (16_000, 40_000),
    ("one_byte_a_packet", UtpConnection): (16_000, 160_000),
    ("many_names", TcpConnection): (4_000, 400_000),
}
PER_MORE = 4

# Of the cost of one message in a long capture to that in a short one: 1.01 at most. A walk of all that is there makes it 1.2 to 3.2.
GROWTH = 1.1
TIMES_STOCK = 3


def name_of(case):
    return f"{case[0]}-{case[1].__module__}"


@pytest.fixture(scope="module")
def captures(staging):
    """Per case the smaller and the larger one."""
    return {case: [written(staging, f"{name_of(case)}-{count}", getattr(heavy, case[0]), count, connect=case[1])
                   for count in (size // PER_MORE, size)] for case, (size, _) in CASES.items()}


@pytest.fixture(scope="module")
def instructions(staging, captures):
    """Of sharkd with the plugin and without: see counted_pairs()."""
    return [counted_pairs(staging, plugins, captures, staging.folder / name)
            for plugins, name in ((PLUGINS, "ours"), (Path("/nonexistent"), "stock"))]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_time_grows_no_faster_than_the_messages(instructions, case):
    (_, _, ours), _ = instructions
    small, large = ours[case]
    assert large <= GROWTH * PER_MORE * small, f"{small:,} and {large:,} instructions"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_within_three_times_stock(instructions, case):
    """At the size of the attack, as it follows from that of the capture."""
    (start, ours, _), (stock_start, stock, _) = instructions
    counted_size, size = CASES[case]
    more = size / counted_size
    assert start + more * ours[case][1] <= TIMES_STOCK * (stock_start + more * stock[case][1])
