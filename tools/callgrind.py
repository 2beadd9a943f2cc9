"""Instructions of a command, counted by valgrind, for tools/benchmark and tools/alternatives/compare."""

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


def valgrind(tool, plugins, command):
    """Runs a command, and all that it starts, under a tool of valgrind; returns what the tool wrote of each process."""
    if not shutil.which("valgrind"):
        sys.exit(f"{Path(sys.argv[0]).name}: valgrind is missing: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        environment = ["env", f"HOME={folder}", f"LD_PRELOAD={same_seeds(folder)}", f"WIRESHARK_PLUGIN_DIR={plugins}",
                       "PYTHONDONTWRITEBYTECODE=1"]
        subprocess.run([*USER, *environment, "valgrind", f"--tool={tool}", "--trace-children=yes",
                        f"--{tool}-out-file={folder}/out.%p", *map(str, command)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return [out.read_text() for out in Path(folder).glob("out.*")]


def instructions(plugins, command):
    return sum(int(re.search(r"^(?:summary|totals): (\d+)", out, re.M)[1]) for out in valgrind("callgrind", plugins, command))


def peak(plugins, command):
    """The largest heap, in bytes."""
    return max(int(size) for out in valgrind("massif", plugins, command) for size in re.findall(r"^mem_heap_B=(\d+)", out, re.M))
