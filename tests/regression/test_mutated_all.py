"""All captures with changed bytes, each with twenty seeds: tests/fuzz/mutate_captures. It takes three minutes of a processor."""

import os
import subprocess

from tshark import BUILD, ROOT


def test_twenty_seeds():
    done = subprocess.run(["/usr/bin/python3", ROOT / "tests" / "fuzz" / "mutate_captures", "--joined", "--seeds", "20"],
                          capture_output=True, text=True, timeout=1400, env=os.environ | {"BT_DONTHAVE_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stdout + done.stderr
    captures = int(done.stdout.split()[0])
    assert captures > 340
    assert done.stdout.startswith(f"{captures} captures, 20 seeds: {20 * captures} pairs in ")
