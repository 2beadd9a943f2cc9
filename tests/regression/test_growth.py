"""What many messages cost, in instructions, which are the same on each run: four times as many cost four times as much, and
Wireshark with the plugin, in one pass, no more than three times Wireshark without it.

counting.py says how they are counted.
"""

from pathlib import Path

import pytest

import heavy
from capture import Trace
from counting import counted
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
    paths = {}
    for case, (size, _) in CASES.items():
        for count in (size // PER_MORE, size):
            trace = Trace(connect=case[1])
            getattr(heavy, case[0])(trace, count)
            path = staging.folder / f"{name_of(case)}-{count}.pcap"
            path.write_bytes(trace.pcap())
            path.chmod(0o644)
            paths.setdefault(case, []).append(path)
    return paths


@pytest.fixture(scope="module")
def instructions(staging, captures):
    """Of sharkd with the plugin and without: those to start; by case those of the larger capture in one pass; of both in two
    passes. Without what every capture costs."""
    empty = staging.folder / "empty.pcap"
    empty.write_bytes(Trace().pcap())
    empty.chmod(0o644)
    paths = [empty, empty, *(path for pair in captures.values() for path in pair)]
    both = []
    for plugins, name in ((PLUGINS, "ours"), (Path("/nonexistent"), "stock")):
        start, (_, each, *once), (_, each_twice, *twice) = counted(staging, plugins, paths, staging.folder / name)
        both.append((start, {case: once[2 * number + 1] - each for number, case in enumerate(captures)},
                     {case: (twice[2 * number] - each_twice, twice[2 * number + 1] - each_twice)
                      for number, case in enumerate(captures)}))
    return both


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
    assert start + more * ours[case] <= TIMES_STOCK * (stock_start + more * stock[case])
