"""Instructions that a capture costs, which are the same on each run.

One sharkd under valgrind reads all captures, in one pass and in two; its counters are written whenever it opens a file.
"""

import json
import re
import shutil
import subprocess
import sys

from capture import Trace
from many import ROOT
from tcp import TcpConnection
from tshark import Tshark

sys.path.append(str(ROOT / "tools"))

from valgrind import same_seeds    # noqa: E402

# Wireshark alone reads uTP where the user says that it is some; else it would be compared with a program that shows nothing.
UTP_PORT = 27000


def counted(staging, plugins, paths, folder, settings=()):
    """Instructions before the first capture, and for each capture: in one pass, in two. `settings` are preferences and their
    values."""
    assert shutil.which("valgrind"), "valgrind is missing: apt-get install valgrind"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    requests = [("setconf", {"name": "tcp.reassemble_out_of_order", "value": "TRUE"}),
                ("setconf", {"name": "bt-utp.udp.port", "value": str(UTP_PORT)}),
                *(("setconf", {"name": name, "value": value}) for name, value in settings)]
    for path in paths:
        requests += [("load", {"file": str(path)}), ("load", {"file": str(path)}), ("frames", {})]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
             for number, (method, params) in enumerate(requests, 1)]
    command = Tshark(staging).command(["-"], plugins)
    at = command.index("tshark")
    command[at:at + 1] = [f"LD_PRELOAD={same_seeds(folder)}", "valgrind", "--tool=callgrind", "--dump-before=wtap_open_offline",
                          f"--callgrind-out-file={folder}/out", "sharkd"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"result"') == len(requests), done.stderr
    assert "issector bug" not in done.stdout and "ismatched" not in done.stderr

    def total(out):
        return int(re.search(r"^totals: (\d+)", out.read_text(), re.M)[1])

    dumps = sorted((out for out in folder.glob("out.*")), key=lambda out: int(out.suffix[1:]))
    assert len(dumps) == 2 * len(paths)
    start, *costs = [total(out) for out in dumps] + [total(folder / "out")]
    return start, costs[::2], costs[1::2]


def written(staging, name, fill=None, *arguments, connect=TcpConnection):
    """The path of a capture that fill(trace, *arguments) makes; an empty one without it."""
    trace = Trace(connect=connect)
    if fill:
        fill(trace, *arguments)
    path = staging.folder / f"{name}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    return path


def counted_pairs(staging, plugins, pairs, folder):
    """pairs: {case: (path of the smaller capture, of the larger)}. Returns the instructions to start, and by case those of both in
    one pass and in two, without what every capture costs."""
    empty = written(staging, f"{folder.name}-empty")
    paths = [empty, empty, *(path for pair in pairs.values() for path in pair)]
    start, (_, each, *once), (_, each_twice, *twice) = counted(staging, plugins, paths, folder)
    return start, {case: (once[2 * number] - each, once[2 * number + 1] - each) for number, case in enumerate(pairs)}, \
        {case: (twice[2 * number] - each_twice, twice[2 * number + 1] - each_twice) for number, case in enumerate(pairs)}
