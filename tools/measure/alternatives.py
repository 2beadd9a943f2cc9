"""What it costs to answer the same question in other ways, in instructions, in one run.

One message a packet, see one_message_a_packet() in captures/generate/traffic.py. What each does for a capture of 200 packets
(start-up) is taken off, and what tshark does without the plugin. tests/regression/test_alternatives.py compares the answers.
"""

import shutil
import subprocess
import sys

import traffic
from bench import ROOT, say, table
from valgrind import instructions

SCRIPTS = ROOT / "tools" / "alternatives"
FEW, MANY, MANY_QUICK = 200, 4_200, 1_200      # packets


def measure(bench):
    scripts = bench.folder / "alternatives"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX", scripts], check=True)
    counts = FEW, MANY_QUICK if bench.quick else MANY
    captures = [bench.write(str(count), traffic.one_message_a_packet, count) for count in counts]

    def cost(command, plugins=bench.none):
        few, many = (instructions(plugins, [*command, capture]) for capture in captures)
        return (many - few) / (counts[1] - counts[0])

    stock = cost(["tshark", "-r"])
    ours = cost(["tshark", "-r"], bench.ours) - stock
    rows = [["tshark without the plugin", f"{stock:,.0f}", "", ""],
            ["the plugin", f"{ours:+,.0f}", f"{100 * ours / stock:+.1f} %", ""]]
    for what, command, beside in [
            ("Lua post-dissector", ["tshark", "-q", "-X", f"lua_script:{scripts / 'donthave.lua'}", "-r"], stock),
            ("`-T ek` and Python", [sys.executable, scripts / "over_ek.py"], stock),
            ("Python alone", [sys.executable, scripts / "over_packets.py"], 0)]:
        added = cost(command) - beside
        rows.append([what, f"{added:+,.0f}", f"{100 * added / stock:+.1f} %", f"{added / ours:.1f} times the plugin's"])
        say(" ".join(rows[-1]))
    return ["Which DontHaves there are, in which frames, for which pieces, and how many requests each hit, with one message a "
            "packet. Aims: a Lua post-dissector adds 30 times what the plugin adds, Python 100 times.", "",
            *table(["", "instructions a packet", "", ""], rows)]
