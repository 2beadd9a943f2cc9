"""tests/fuzz/mutate_captures: captures with changed bytes do no harm, and the script sees it where they do."""

import os
import subprocess

from tshark import BUILD, ROOT

MUTATE = ROOT / "tests" / "fuzz" / "mutate_captures"
CAPTURES = ["npm_nofast.pcapng.gz", "libtorrent_utp_trixie.pcapng.gz", "synthetic/story-late.pcap",
            "synthetic/story-holes-utp.pcap"]

# Stands in for a tshark whose plugin has a bug.
BROKEN = """#!/bin/sh
case "$*" in
*"-G protocols"*) printf 'x\\tx\\tbt.donthave\\n' ;;
*) [ "$WIRESHARK_PLUGIN_DIR" = /nonexistent ] || { echo 'Dissector bug in packet 1' >&2; exit 3; } ;;
esac
"""


def mutate(*arguments, **environment):
    return subprocess.run(["/usr/bin/python3", MUTATE, *arguments], capture_output=True, text=True, timeout=500,
                          env=os.environ | {"BT_DONTHAVE_BUILD": str(BUILD)} | environment)


def test_few_seeds():
    """More: tests/fuzz/mutate_captures --seeds 20."""
    done = mutate("--seeds", "2", *(ROOT / "captures" / name for name in CAPTURES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("4 captures, 2 seeds: 8 files, 0 failures")


def test_the_test_sees_a_bug(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tshark").write_text(BROKEN)
    for path in [folder / "tshark", folder, *folder.parents[:3]]:
        path.chmod(path.stat().st_mode | 0o055)
    done = mutate("--seeds", "1", ROOT / "captures" / CAPTURES[0], PATH=f"{folder}:{os.environ['PATH']}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "--seed 1" in done.stdout
    assert "exit code 3, stock 0" in done.stdout
    assert "Dissector bug in packet 1" in done.stdout
