"""What many messages cost, in instructions, which are the same on each run: four times as many cost four times as much, and
Wireshark with the plugin, in one pass, no more than three times Wireshark without it.

One sharkd under valgrind reads all captures, in one pass and in two; its counters are written whenever it opens a file.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import heavy
from capture import Trace
from many import ROOT
from tcp import TcpConnection
from tshark import PLUGINS, Tshark
from utp import UtpConnection

sys.path.append(str(ROOT / "tools"))

from callgrind import same_seeds    # noqa: E402

# Messages or packets of the larger capture, of which the smaller has a quarter, and those of an attack on Wireshark; None: not
# compared with Wireshark alone, which keeps nothing of such a capture.
CASES = {
    ("dont_haves_in_one_frame", UtpConnection): (20_000, 100_000),
    ("have_nones_after_dont_haves", TcpConnection): (4_000, 40_000),
    ("bitfields_after_dont_haves", TcpConnection): (4_000, 40_000),
    ("have_nones_after_sparse_haves", TcpConnection): (4_000, 40_000),
    ("dont_haves_after_requests", TcpConnection): (4_000, 80_000),
    ("dont_haves_after_requests", UtpConnection): (8_000, 80_000),
    ("late_requests_in_one_frame", TcpConnection): (4_000, 40_000),
    ("late_requests_in_one_frame", UtpConnection): (4_000, 40_000),
    ("late_blocks_in_one_frame", TcpConnection): (4_000, 40_000),
    ("late_blocks_in_one_frame", UtpConnection): (4_000, 40_000),
    ("one_byte_a_packet", UtpConnection): (4_000, 160_000),
}
PER_MORE = 4

# Wireshark alone reads uTP where the user says that it is some; else it would be compared with a program that shows nothing.
UTP_PORT = 27000

# Of the cost of one message in a long capture to that in a short one. A walk of all that is there would make it nearly four.
GROWTH = 1.6
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


def counted(staging, plugins, paths, folder):
    """Instructions before the first capture, and for each capture: in one pass, in two."""
    assert shutil.which("valgrind"), "valgrind is missing: apt-get install valgrind"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    requests = [("setconf", {"name": "tcp.reassemble_out_of_order", "value": "TRUE"}),
                ("setconf", {"name": "bt-utp.udp.port", "value": str(UTP_PORT)})]
    for path in paths:
        requests += [("load", {"file": str(path)}), ("load", {"file": str(path)}), ("frames", {})]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
             for number, (method, params) in enumerate(requests, 1)]
    command = Tshark(staging).command(["-"], plugins)
    at = command.index("tshark")
    command[at:at + 1] = [f"LD_PRELOAD={same_seeds(folder)}", "valgrind", "--tool=callgrind", "--dump-before=wtap_open_offline",
                          f"--callgrind-out-file={folder}/out", "sharkd"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"result"') == len(requests), done.stderr
    assert "issector bug" not in done.stdout and "ismatched" not in done.stderr

    def total(out):
        return int(re.search(r"^totals: (\d+)", out.read_text(), re.M)[1])

    dumps = sorted((out for out in folder.glob("out.*")), key=lambda out: int(out.suffix[1:]))
    assert len(dumps) == 2 * len(paths)
    start, *costs = [total(out) for out in dumps] + [total(folder / "out")]
    return start, costs[::2], costs[1::2]


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


@pytest.mark.parametrize("case", [case for case, (_, attack) in CASES.items() if attack], ids=name_of)
def test_within_three_times_stock(instructions, case):
    """At the size of the attack, as it follows from that of the capture."""
    (start, ours, _), (stock_start, stock, _) = instructions
    counted_size, size = CASES[case]
    more = size / counted_size
    assert start + more * ours[case] <= TIMES_STOCK * (stock_start + more * stock[case])
