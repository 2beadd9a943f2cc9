"""tests/fuzz/sanitize_captures and memcheck_captures: the small captures, with sanitizers in the plugin; and that both see a bug."""

import os
import random
import subprocess

import pytest

from capture import Trace
from peer_wire import handshake
from tshark import BUILD, ROOT
from utp import DATA, SYN, UtpConnection

FUZZ = ROOT / "tests" / "fuzz"
CAPTURE = ROOT / "captures" / "synthetic" / "story-donthave.pcap"


def run(script, *arguments, path=None):
    return subprocess.run(["/usr/bin/python3", FUZZ / script, *arguments], capture_output=True, text=True, timeout=1400,
                          env=os.environ | {"BT_DONTHAVE_BUILD": str(BUILD)} | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {}))


def test_small_captures():
    """All: tests/fuzz/sanitize_captures."""
    done = run("sanitize_captures", "--small", "--build", BUILD / "sanitized")
    assert done.returncode == 0, done.stdout + done.stderr
    count = int(done.stdout.split()[0])
    assert count > 300
    assert done.stdout == f"{count} captures, 2 ways: 2 runs, 0 failures\n"


CONNECTIONS_MAX = 1024       # on a pair of ports: UTP_CONNECTIONS_MAX


def test_a_connection_that_makes_room_for_its_successor(written):
    """All connections of a pair of ports are alive, and the first may be encrypted: another ST_SYN with its ids ends it, and takes
    its place. What is shown of that packet is not looked up in what was given back."""
    trace = Trace(connect=UtpConnection)
    first, second = (UtpConnection(trace, connection_id=number) for number in (100, 102))
    first.leecher.send(random.Random(1).randbytes(100))
    first.seed.acknowledge()
    second.leecher.send(handshake("-LE0001-"))
    for number in range(2, CONNECTIONS_MAX):
        UtpConnection(trace, connection_id=100 + 2 * number)
    first.leecher._packet(SYN, 4000, acknowledging=1, connection_id=100)
    done = run("sanitize_captures", "--build", BUILD / "sanitized", written(trace))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "1 captures, 5 ways: 5 runs, 0 failures\n"


def test_a_kept_packet_that_makes_room(written):
    """The same with an ST_SYN that was kept, as it came before the ports were known, and is read with the handshake."""
    trace = Trace(connect=UtpConnection)
    first, *_ = [UtpConnection(trace, connection_id=100 + 2 * number) for number in range(CONNECTIONS_MAX)]
    first.leecher._packet(SYN, 7000, b"x", acknowledging=1, connection_id=100)
    first.seed.send(random.Random(1).randbytes(100))
    first.leecher._packet(DATA, 9001, handshake("-LE0001-"))
    done = run("sanitize_captures", "--build", BUILD / "sanitized", written(trace))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "1 captures, 5 ways: 5 runs, 0 failures\n"


# A tshark that has the plugin, with which something is wrong.
HAS_PLUGIN = """#!/bin/sh
case "$*" in *"-G protocols"*) printf 'x\\tx\\tbt.donthave\\n'; exit;; esac"""


def test_a_word_of_a_sanitizer_is_seen(stand_in):
    folder = stand_in("tshark", HAS_PLUGIN + "\necho 'x.c:1:2: runtime error: shift exponent 99 is too large' >&2")
    done = run("sanitize_captures", "--build", BUILD / "sanitized", CAPTURE, path=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "shift exponent 99" in done.stdout and "1 captures, 5 ways: 5 runs, 5 failures" in done.stdout


MEMCHECK = """#!/bin/sh
for argument; do case "$argument" in --log-file=*) log=${argument#*=};; esac; done
cat >"$log" <<'END'
==7== Memcheck, a memory error detector
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x1: one (x.c:1)
==7==    by 0x2: two (in /usr/lib/libwireshark.so)
==7==
==7== Invalid read of size 4
==7==    at 0x1: three (x.c:1)
==7==    by 0x2: four (in /somewhere/lt_donthave.so)
==7==
==7== ERROR SUMMARY: 2 errors from 2 contexts
END
"""


def test_an_error_of_memcheck_is_seen(stand_in):
    """Of the plugin; one of Wireshark alone is counted."""
    stand_in("tshark", HAS_PLUGIN)
    done = run("memcheck_captures", CAPTURE, path=stand_in("valgrind", MEMCHECK))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Invalid read of size 4" in done.stdout and "Conditional jump" not in done.stdout
    assert "1 captures, 2 ways: 2 failures (2 errors in Wireshark alone)" in done.stdout


def test_memcheck_in_parts(stand_in):
    """Every second capture in one of two files, and the second of them alone."""
    stand_in("tshark", HAS_PLUGIN)
    folder, names = stand_in("valgrind", MEMCHECK), ["story-donthave", "story-late", "story-holes-utp"]
    captures = [CAPTURE.with_name(f"{name}.pcap") for name in names]
    done = run("memcheck_captures", "--parts", "2", *captures, path=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert [line.rpartition(",")[0] for line in done.stdout.splitlines() if line.startswith("part")] == [
        "part 1 of 2: 2 captures", "part 2 of 2: 1 captures"]
    assert done.stdout.endswith("3 captures, 2 ways: 4 failures (4 errors in Wireshark alone)\n")
    done = run("memcheck_captures", "--parts", "2", "--part", "2", *captures, path=folder)
    assert done.stdout.endswith("1 captures, 2 ways: 2 failures (2 errors in Wireshark alone)\n")
