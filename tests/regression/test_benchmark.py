"""tools/benchmark: its arguments, the sections that it writes, and one of its parts."""

import re
import subprocess
import sys

import pytest

from many import ROOT
from tshark import BUILD

sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "measure")]

from bench import core_seconds, section, table    # noqa: E402

PAGE = ROOT / "docs" / "performance.md"
PARTS = ["shapes", "growth", "memory", "large", "alternatives", "many"]


def run(*arguments):
    return subprocess.run([ROOT / "tools" / "benchmark", *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("arguments, words", [
    (["--only", "nothing"], "there is no part nothing"),
    (["--only", "shapes,nothing"], "there is no part nothing"),
    (["--only"], "--only needs a value"),
    (["--what"], "unknown option --what"),
])
def test_wrong_arguments(arguments, words):
    done = run(*arguments)
    assert done.returncode == 1 and words in done.stderr


def test_the_page_has_each_part_once():
    page = PAGE.read_text()
    for part in PARTS:
        lines = table(["one", "two"], [[1, 2]])
        written = section(page, part, lines)
        assert written.count("\n".join(["<!-- " + part + ": by tools/benchmark -->", *lines, f"<!-- end of {part} -->"])) == 1
        assert section(written, part, lines) == written
    with pytest.raises(ValueError):
        section(page, "nothing", [])


def test_core_seconds_are_those_of_the_processes():
    """Also of those that they start themselves; while a process waits it takes none. A clock tick may be missing."""
    busy = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.3: pass'; true"
    assert core_seconds(subprocess.run, ["sleep", "0.6"]) < 0.3
    assert 0.25 <= core_seconds(subprocess.run, ["sh", "-c", busy]) < 3


def test_print_writes_nothing():
    """Memory: the part without valgrind. Bars are those of test_memory.py; here the numbers are there."""
    before = PAGE.read_text()
    done = subprocess.run(["/usr/bin/python3", ROOT / "tools" / "measure" / "measure.py", BUILD, "memory", "quick", "print"],
                          capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^\| a connection over .* \| (-?[\d,]+) \| [\d,]+ \|$", done.stdout, re.M)
    sizes = [int(size.replace(",", "")) for size in found]
    # Rough: RSS differs by half a megabyte from run to run, what is added by 900 connections is not much more.
    assert len(sizes) == 6 and all(abs(size) < 10_000 for size in sizes) and sum(sizes) > 0
    assert PAGE.read_text() == before
