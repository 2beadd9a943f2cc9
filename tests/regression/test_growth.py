"""What many messages cost, in instructions, which are the same on each run: four times as many cost four times as much, and
Wireshark with the plugin no more than three times Wireshark without it.

One sharkd under valgrind reads all captures, in both passes; its counters are written whenever it opens a file.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import heavy
from capture import Trace
from tcp import TcpConnection
from tshark import PLUGINS, Tshark
from utp import UtpConnection

# Messages or packets of the larger capture; the smaller has a quarter. `shown`: all of them are messages of the plugin's own.
CASES = {
    ("dont_haves_in_one_frame", UtpConnection): 40_000,
    ("have_nones_after_dont_haves", TcpConnection): 10_000,
    ("bitfields_after_dont_haves", TcpConnection): 10_000,
    ("have_nones_after_sparse_haves", TcpConnection): 10_000,
    ("dont_haves_after_requests", TcpConnection): 10_000,
    ("dont_haves_after_requests", UtpConnection): 10_000,
    ("late_requests_in_one_frame", TcpConnection): 10_000,
    ("late_requests_in_one_frame", UtpConnection): 10_000,
    ("late_blocks_in_one_frame", TcpConnection): 10_000,
    ("late_blocks_in_one_frame", UtpConnection): 10_000,
    ("one_byte_a_packet", UtpConnection): 10_000,
}
PER_MORE = 4

# Of the cost of one message in a long capture to that in a short one. A walk of all that is there would make it four.
GROWTH = 1.25
TIMES_STOCK = 3


def name_of(case):
    return f"{case[0]}-{case[1].__module__}"


@pytest.fixture(scope="module")
def captures(staging):
    """Per case the smaller and the larger one."""
    paths = {}
    for case, size in CASES.items():
        for count in (size // PER_MORE, size):
            trace = Trace(connect=case[1])
            getattr(heavy, case[0])(trace, count)
            path = staging.folder / f"{name_of(case)}-{count}.pcap"
            path.write_bytes(trace.pcap())
            path.chmod(0o644)
            paths.setdefault(case, []).append(path)
    return paths


def counted(staging, plugins, paths, folder):
    """Instructions before the first capture, and for each capture."""
    assert shutil.which("valgrind"), "valgrind is missing: apt-get install valgrind"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    requests = [("setconf", {"name": "tcp.reassemble_out_of_order", "value": "TRUE"})]
    for path in paths:
        requests += [("load", {"file": str(path)}), ("frames", {})]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
             for number, (method, params) in enumerate(requests, 1)]
    command = Tshark(staging).command(["-"], plugins)
    at = command.index("tshark")
    command[at:at + 1] = ["valgrind", "--tool=callgrind", "--dump-before=wtap_open_offline",
                          f"--callgrind-out-file={folder}/out", "sharkd"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"result"') == len(requests), done.stderr
    assert "issector bug" not in done.stdout and "ismatched" not in done.stderr

    def total(out):
        return int(re.search(r"^totals: (\d+)", out.read_text(), re.M)[1])

    dumps = sorted((out for out in folder.glob("out.*")), key=lambda out: int(out.suffix[1:]))
    assert len(dumps) == len(paths)
    return [total(out) for out in dumps] + [total(folder / "out")]


@pytest.fixture(scope="module")
def instructions(staging, captures):
    """Of sharkd with the plugin and without: those to start, and by case for the smaller and the larger capture, without
    what every capture costs."""
    empty = staging.folder / "empty.pcap"
    empty.write_bytes(Trace().pcap())
    empty.chmod(0o644)
    both = []
    for plugins, name in ((PLUGINS, "ours"), (Path("/nonexistent"), "stock")):
        paths = [empty, empty, *(path for pair in captures.values() for path in pair)]
        start, _, each, *costs = counted(staging, plugins, paths, staging.folder / name)
        both.append((start, {case: (costs[2 * number] - each, costs[2 * number + 1] - each)
                             for number, case in enumerate(captures)}))
    return both


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_time_grows_no_faster_than_the_messages(instructions, case):
    (_, ours), _ = instructions
    small, large = ours[case]
    assert large <= GROWTH * PER_MORE * small, f"{small:,} and {large:,} instructions"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_within_three_times_stock(instructions, case):
    (start, ours), (stock_start, stock) = instructions
    assert start + ours[case][1] <= TIMES_STOCK * (stock_start + stock[case][1])
