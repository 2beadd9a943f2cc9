"""What each capture that is made to hurt costs: one of four times the size four times the instructions, read in one pass and
in two.

counting.py says how they are counted, test_hostile.py what is shown of these captures, and test_growth.py counts more of them,
whose messages could walk what other messages left. Where a table has a cap, the smaller capture reaches it, too, unless
Wireshark alone would need minutes.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from mse_wire import Choices, Wire, talk

import heavy
from capture import Trace
from counting import counted_pairs, written
from tcp import TcpConnection
from tshark import PLUGINS
from utp import UtpConnection

from valgrind import instructions       # its folder: counting.py

PER_MORE = 4
GROWTH = 1.1        # of the cost of one

# By the name of what makes a capture: messages, packets or connections of the larger one, and over what it is told.
TCP, UTP = TcpConnection, UtpConnection
CASES = [
    ("requests_without_answer", 4_000, TCP),
    ("requests_without_answer", 4_000, UTP),
    ("storm", 2_000, TCP),
    ("storm", 2_000, UTP),
    ("tcp_connections", 400, TCP),
    ("utp_connections", 4_400, UTP),                # the smaller one has more than are followed
    ("utp_connections_closed", 320, UTP),
    ("large_extension_handshakes", 8, TCP),
    ("large_extension_handshakes", 8, UTP),
    ("many_names", 8_000, UTP),
    ("large_bitfields", 40, TCP),
    ("dont_haves_in_one_segment", 2_000, TCP),
    ("messages_in_one_segment", 16_000, TCP),
    ("lengths_that_overflow", 160, TCP),
    ("lengths_that_overflow", 160, UTP),
    ("strings_longer_than_all", 800, TCP),
    ("the_last_numbers", 800, TCP),
    ("the_last_numbers", 800, UTP),
    ("cut_frames", 160, TCP),
    ("cut_frames", 160, UTP),
    ("in_and_out_of_a_tunnel", 320, TCP),
    ("in_and_out_of_a_tunnel", 320, UTP),
]
PARTS = 4           # runs of sharkd
KEYS = 20_000       # lines of the larger key log


def name_of(case):
    return f"{case[0]}-{case[2].__module__}"


@pytest.fixture(scope="module")
def costs(staging):
    """By case, of the smaller capture and the larger: in one pass, in two."""
    pairs = {case: [written(staging, f"{name_of(case)}-{count}", getattr(heavy, case[0]), count, connect=case[2])
                    for count in (case[1] // PER_MORE, case[1])] for case in CASES}

    def count(number):
        """A part of them, as no run may take too long."""
        part = {case: pairs[case] for case in CASES[number::PARTS]}
        return counted_pairs(staging, PLUGINS, part, staging.folder / f"counted-{number}")[1:]

    once, twice = {}, {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(count, range(PARTS)):
            once |= part[0]
            twice |= part[1]
    return once, twice


@pytest.mark.parametrize("passes", [0, 1], ids=["one_pass", "two_passes"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_four_times_as_much_costs_four_times_as_much(costs, case, passes):
    small, large = costs[passes][case]
    assert small > 0
    assert large <= GROWTH * PER_MORE * small, f"{small:,} and {large:,} instructions"


def test_a_key_log(staging):
    """Keys of other connections."""
    trace, wire = Trace(), Wire("grows", Choices())
    talk(trace, wire)
    path = staging.folder / "key-log.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    costs, chance = [], random.Random(1)
    for count in (0, KEYS // PER_MORE, KEYS):
        log = staging.folder / f"{count}.keys"
        log.write_text("".join(f"MSE {chance.randbytes(96).hex()} {chance.randbytes(20).hex()}\n" for _ in range(count)) + wire.key)
        log.chmod(0o644)
        costs.append(instructions(PLUGINS, ["tshark", "-r", path, "-o", f"bt.peer.mse_keylog_file:{log}"]))
    none, small, large = costs
    assert large - none <= GROWTH * PER_MORE * (small - none), f"{small - none:,} and {large - none:,} instructions"
