"""One Wireshark that opens many files one after the other: what belongs to a capture goes with it."""

import json
import subprocess
from pathlib import Path

from many import ROOT
from tshark import PLUGINS, Tshark

ROUNDS = 5
FILES = sorted((ROOT / "captures").glob("*.pcapng.gz"))[:10]
NONE_OF_THEM = "bittorrent.msg.type == 99"      # all is read, and no row is printed

TOLERATED_KB = 8_192    # a block of Wireshark's allocator; what kept its captures would add several in each round


def growth(staging, plugins):
    """Of sharkd that reads ten recordings five times over, in KB, after two rounds that warm its allocators up."""
    command = Tshark(staging).command(["-"], plugins)
    command[command.index("tshark")] = "sharkd"
    sizes = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as sharkd:
        def ask(method, **parameters):
            sharkd.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}) + "\n")
            sharkd.stdin.flush()
            for line in sharkd.stdout:
                if line.startswith("{"):
                    return json.loads(line)["result"]
            raise AssertionError("sharkd is gone")

        for _ in range(ROUNDS):
            for path in FILES:
                ask("load", file=str(staging.readable(path)))
                ask("frames", filter=NONE_OF_THEM)
            with open(f"/proc/{sharkd.pid}/status") as status:
                sizes.append(next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")))
        sharkd.stdin.close()
        sharkd.stdout.read()
    return sizes[-1] - sizes[1]


def test_sharkd_does_not_grow(staging):
    """By no more than sharkd without the plugin, which keeps some of each file."""
    assert len(FILES) == 10
    added = growth(staging, PLUGINS) - growth(staging, Path("/nonexistent"))
    assert added <= TOLERATED_KB, added
