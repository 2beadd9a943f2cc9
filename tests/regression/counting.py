"""Instructions that a capture costs, which are the same on each run.

One sharkd under valgrind reads all captures, in one pass and in two; its counters are written whenever it opens a file.
"""

import json
import re
import shutil
import subprocess
import sys

from many import ROOT
from tshark import Tshark

sys.path.append(str(ROOT / "tools"))

from callgrind import same_seeds    # noqa: E402

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
