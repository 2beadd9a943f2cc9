"""Instructions of a command, counted by valgrind, for tools/benchmark and tests/regression/test_cost.py.

By cachegrind without a cache: it counts what callgrind counts, in a third of the time.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Wireshark seeds its hash tables by chance, and what they cost differs by a percent from run to run: here all runs have the
# same seeds. With plain ones (1 and 1) they would have many collisions.
SAME_SEEDS = """
unsigned g_random_int(void);
unsigned g_random_int(void)
{
    static unsigned state = 1;

    return state = state * 1664525U + 1013904223U;
}
"""

# As root, tshark ignores WIRESHARK_PLUGIN_DIR without a word.
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []


def same_seeds(folder):
    """Makes the library to preload for that, and returns its path."""
    path = f"{folder}/seeds.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, "-x", "c", "-"], input=SAME_SEEDS, text=True, check=True)
    return path


def valgrind(tool, plugins, command, options=()):
    """Runs a command, and all that it starts, under a tool of valgrind; returns what the tool wrote of each process."""
    if not shutil.which("valgrind"):
        sys.exit(f"{Path(sys.argv[0]).name}: valgrind is missing: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        environment = ["env", f"HOME={folder}", f"LD_PRELOAD={same_seeds(folder)}", f"WIRESHARK_PLUGIN_DIR={plugins}",
                       "PYTHONDONTWRITEBYTECODE=1"]
        subprocess.run([*USER, *environment, "valgrind", f"--tool={tool}", *options, "--trace-children=yes",
                        f"--{tool}-out-file={folder}/out.%p", *map(str, command)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return [out.read_text() for out in Path(folder).glob("out.*")]


def instructions(plugins, command):
    """Of a command and all that it starts. plugins: a folder as of WIRESHARK_PLUGIN_DIR."""
    return sum(int(re.search(r"^summary: (\d+)", out, re.M)[1])
               for out in valgrind("cachegrind", plugins, command, ["--cache-sim=no"]))
