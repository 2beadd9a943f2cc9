"""tools/decode-many: what it finds is what tools/decode finds one by one, whatever happens to its workers."""

import csv
import fcntl
import gzip
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import distributed
import pytest

from tshark import ROOT

RECORDINGS = sorted((ROOT / "captures").glob("*.pcapng.gz"))
RING_PACKETS = 120


def command(folder, *arguments):
    return [ROOT / "tools" / "decode-many", folder / "in", "--out", folder / "out", "--workers", "2", *arguments]


def run(folder, *arguments):
    return subprocess.run(command(folder, *arguments), capture_output=True, text=True, timeout=300)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture(scope="module")
def one_by_one():
    """{name of a recording: what tools/decode finds in it}. It reads one after the other."""
    done = subprocess.run([ROOT / "tools" / "decode", "--csv", *RECORDINGS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {path.name: [] for path in RECORDINGS}
    for capture, *row in list(csv.reader(done.stdout.splitlines()))[1:]:
        found[Path(capture).name].append(row)
    return found


def workers_of(process):
    """The processes of a run that decode."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            arguments = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in arguments and parent in {process.pid, *children(process.pid)}:
            found.append(int(path.name))
    return found


def children(pid):
    return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings, one of them as the files of a ring buffer, and files that are no captures."""
    folder = tmp_path_factory.mktemp("many")
    captures = folder / "in"
    (captures / "ring").mkdir(parents=True)
    for path in RECORDINGS:
        shutil.copy(path, captures)
    whole = folder / "whole.pcapng"
    whole.write_bytes(gzip.decompress((ROOT / "captures" / "webtorrent_leecher.pcapng.gz").read_bytes()))
    subprocess.run(["editcap", "-c", str(RING_PACKETS), whole, captures / "ring" / "ring.pcapng"], check=True)
    (captures / "text.pcap").write_text("no capture\n")
    (captures / "empty.pcap").touch()
    return folder


def test_as_one_by_one_though_a_worker_dies(folder, one_by_one):
    assert len(list((folder / "in" / "ring").iterdir())) > 3
    process = subprocess.Popen(command(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    results = folder / "out" / "captures"
    deadline = time.monotonic() + 200
    while not list(results.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = workers_of(process)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    printed, said = process.communicate(timeout=300)
    assert process.returncode == 1, said        # for the two files that are no captures
    assert sorted(Path(capture).name for capture, _ in rows(folder / "out" / "errors.csv")) == ["empty.pcap", "text.pcap"]

    assert {path.name: rows(results / f"{path.name}.csv") for path in RECORDINGS} == one_by_one
    ring = list((results / "ring").glob("*.csv"))
    assert [rows(path) for path in ring] == [one_by_one["webtorrent_leecher.pcapng.gz"]]
    together = rows(folder / "out" / "requests.csv")
    assert sorted(row[1:] for row in together) == sorted(row for path in [*RECORDINGS, "webtorrent_leecher.pcapng.gz"]
                                                         for row in one_by_one[getattr(path, "name", path)])
    worst = rows(folder / "out" / "connections.csv")[0]
    assert "webtorrent_leecher" in worst[0] and printed.startswith(worst[0])


def test_what_is_done_is_skipped(folder):
    """After the test above: only what failed is tried again, and what has changed."""
    changed = folder / "in" / RECORDINGS[0].name
    os.utime(changed)
    captures = len(RECORDINGS) + 3
    done = run(folder)
    assert f"{captures} captures, {captures - 3} of them done already" in done.stderr
    assert "2 captures failed" in done.stderr


def test_progress_bar(tmp_path):
    """On a terminal: a line that is written anew for each capture, as wide as the terminal, and full at the end."""
    columns, captures = 60, 3
    (tmp_path / "in").mkdir()
    for number in range(captures - 1):
        shutil.copy(RECORDINGS[0], tmp_path / "in" / f"{number}.pcapng.gz")
    (tmp_path / "in" / "text.pcap").write_text("no capture\n")
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(command(tmp_path), stdout=subprocess.DEVNULL, stderr=inside)
    os.close(inside)
    said = b""
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:     # the other end is closed
            break
    os.close(terminal)
    assert process.wait(timeout=300) == 1       # for the file that is no capture
    bars = re.findall(r"\r\x1b\[K(\[(#*)( *)\] ([^\r]*))", said.decode())
    assert bars[0][3].startswith(f"1 of {captures} captures")
    assert bars[-1][3] == f"{captures} of {captures} captures, 1 of them failed" and not bars[-1][2]
    assert [round(captures * len(done) / (len(done) + len(rest))) for _, done, rest, _ in bars] == [1, 2, 3]
    assert {len(line) for line, *_ in bars} == {columns - 1}


def test_no_bar_without_a_terminal(folder):
    done = run(folder)
    assert "captures" in done.stderr and "\r" not in done.stderr and "#" not in done.stderr


CLUSTER = {"env": {**os.environ, "PYTHONPATH": ""}, "stderr": subprocess.DEVNULL}


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler without workers: its process, a file that names it, its address."""
    file = tmp_path / "scheduler.json"
    process = subprocess.Popen(["/usr/bin/python3", "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                                "--no-dashboard", "--scheduler-file", file], cwd=tmp_path, **CLUSTER)
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield process, file, file.read_text().partition('"address": "')[2].partition('"')[0]
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def small(tmp_path):
    """A folder with one recording."""
    (tmp_path / "in").mkdir()
    shutil.copy(RECORDINGS[0], tmp_path / "in")
    return tmp_path / "in"


def test_a_running_cluster(scheduler, small, one_by_one, tmp_path):
    """--scheduler: the workers know nothing of this project beforehand."""
    _, file, address = scheduler
    worker = subprocess.Popen(["/usr/bin/python3", "-m", "distributed.cli.dask_worker", "--scheduler-file", file, "--nthreads", "1",
                               "--no-dashboard"], cwd=tmp_path, **CLUSTER)
    try:
        done = subprocess.run([ROOT / "tools" / "decode-many", small, "--out", tmp_path / "out", "--scheduler", address],
                              capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert rows(tmp_path / "out" / "captures" / f"{RECORDINGS[0].name}.csv") == one_by_one[RECORDINGS[0].name]
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def test_a_scheduler_that_dies(scheduler, small, tmp_path):
    """And does not come back: what is not done is named, and the tables are there."""
    process, _, address = scheduler
    decoding = subprocess.Popen([ROOT / "tools" / "decode-many", small, "--out", tmp_path / "out", "--scheduler", address],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with distributed.Client(address) as client:
        while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0:
            assert decoding.poll() is None
            time.sleep(0.1)
    process.kill()
    assert decoding.wait(timeout=200) == 1
    assert rows(tmp_path / "out" / "errors.csv") == [[str(small / RECORDINGS[0].name), "the connection to Dask's scheduler was lost"]]
    assert rows(tmp_path / "out" / "connections.csv") == []


@pytest.mark.parametrize("arguments, words", [
    ([], "no folder and no capture given"),
    (["/nonexistent/folder"], "no such file: /nonexistent/folder"),
    (["--workers", "none", "/tmp"], "that is not a number of workers"),
    (["--what"], "unknown option --what"),
])
def test_wrong_arguments(arguments, words):
    done = subprocess.run([ROOT / "tools" / "decode-many", *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and words in done.stderr


def test_no_captures(tmp_path):
    done = subprocess.run([ROOT / "tools" / "decode-many", tmp_path], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "no capture in these folders" in done.stderr
