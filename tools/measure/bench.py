"""What all parts of tools/benchmark share: captures in a folder that tshark may read, and how a run is measured."""

import functools
import os
import re
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

from capture import Trace
from tcp import TcpConnection
from traffic import opening
from valgrind import USER, instructions

ROOT = Path(__file__).resolve().parents[2]

Run = namedtuple("Run", "seconds peak")     # peak: bytes, RSS

# Runs a command and prints its peak RSS, KiB. A process of its own: at first the one that it starts counts as large as itself.
PEAK = """
import os, sys
nowhere = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=nowhere), 0)
print(usage.ru_maxrss)
sys.exit(status != 0)
"""


class Bench:
    """`ours` and `none` are folders of plugins, with the plugin and without."""

    def __init__(self, folder, build, quick, print_only):
        self.folder, self.quick, self.print_only = folder, quick, print_only
        folder.chmod(0o755)
        self.ours, self.none = build / "plugins", folder / "none"
        self.none.mkdir()
        self.start_up = functools.cache(self._start_up)

    def write(self, name, fill, *arguments, connect=TcpConnection):
        """A capture, which fill() fills."""
        trace = Trace(connect=connect)
        fill(trace, *arguments)
        return self.keep(f"{name}.pcap", trace.pcap())

    def keep(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        path.chmod(0o644)
        return path

    def _start_up(self, plugins, options):
        opened = self.folder / "opening.pcap"
        if not opened.exists():
            self.write("opening", opening)
        return instructions(plugins, ["tshark", "-r", opened, *options])

    def cost(self, plugins, capture, options=()):
        """Instructions for the packets of a capture: what tshark does for one with a handshake alone is taken off."""
        return instructions(plugins, ["tshark", "-r", capture, *options]) - self.start_up(plugins, tuple(options))

    def run(self, plugins, capture, options=()):
        """Time and memory of a run."""
        command = [*USER, "env", f"HOME={self.folder}", f"WIRESHARK_PLUGIN_DIR={plugins}", "tshark", "-r", str(capture), *options]
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-c", PEAK, *command], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"tools/benchmark: tshark failed with {capture.name}")
        return Run(time.monotonic() - begun, int(done.stdout) * 1024)


def core_seconds(work, *arguments):
    """The time of a core, in user space and in the kernel, of all processes that work() starts and waits for."""
    before = os.times()
    work(*arguments)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def say(words):
    print(f"tools/benchmark: {words}", file=sys.stderr, flush=True)


def percent(part, whole):
    return f"{100 * (part / whole - 1):+.2f} %"


def table(header, rows):
    """Lines of Markdown."""
    return ["| " + " | ".join(map(str, row)) + " |" for row in [header, ["---"] * len(header), *rows]]


def section(page, name, lines):
    """The page with other lines between the comments of a section."""
    pattern = rf"(<!-- {name}: by tools/benchmark -->\n).*?(<!-- end of {name} -->)"
    page, count = re.subn(pattern, lambda found: found[1] + "\n".join([*lines, ""]) + found[2], page, flags=re.S)
    if count != 1:
        raise ValueError(f"the page has {count} sections {name}")
    return page


def tshark_version():
    return subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
