"""What the plugin allocates for a connection and for a request, beside tshark alone, in one pass: bars in tools/bars.py.

The same on each run. test_hostile.py has the memory of captures that are made to need much.
"""

import sys
from pathlib import Path

import pytest

from many import ROOT

sys.path.append(str(ROOT / "tools"))

from bars import MEMORY, OFFERS             # noqa: E402
from capture import Trace                   # noqa: E402
from tcp import TcpConnection               # noqa: E402
from utp import UtpConnection               # noqa: E402
import traffic                              # noqa: E402

CARRIERS = {"TCP": TcpConnection, "uTP": UtpConnection}
UTP = ["--enable-heuristic", "bt_utp_udp"]  # also without the plugin, which follows connections then, too

# A request takes its room from one that is over. Of 20,000, half a byte for each would be more: a table of 4 KiB is there with
# few of them or comes with many, as chance has it, by which hash tables are seeded.
FINISHED_AT_MOST = 8192


@pytest.fixture
def added(staging, one_pass, counter):
    """What the plugin allocates more than tshark alone for a trace, in bytes."""
    path = staging.folder / "memory.pcap"

    def measure(trace, *options):
        path.write_bytes(trace.pcap())
        path.chmod(0o644)
        arguments = one_pass.arguments(path, *options)
        return counter.largest(one_pass.command(arguments)) \
            - counter.largest(one_pass.command(arguments, plugins=Path("/nonexistent")))
    yield measure
    path.unlink()


@pytest.mark.parametrize("over, offers", MEMORY, ids=map(" ".join, MEMORY))
def test_a_connection(added, over, offers):
    few, many = 200, 1000
    sizes = []
    for count in (few, many):
        trace = Trace(connect=CARRIERS[over])
        traffic.connections(trace, count, OFFERS[offers])
        sizes.append(added(trace, *(UTP if over == "uTP" else [])))
    assert 0 < (sizes[1] - sizes[0]) / (many - few) <= MEMORY[over, offers].held


def test_finished_requests_cost_nothing(added):
    """Each Request gets its block in the next packet; no DontHave, of which something would be kept to show."""
    sizes = []
    for blocks in (1_000, 21_000):
        trace = Trace()
        peers = traffic.begin(trace, fast=True)
        for number in range(blocks):
            peers.leecher.send(traffic.request(number // 16 % 64, number % 16 * 100, 100))
            peers.seed.send(traffic.piece(number // 16 % 64, number % 16 * 100, b"\xbe" * 100))
        sizes.append(added(trace))
    assert sizes[1] - sizes[0] < FINISHED_AT_MOST
