"""tools/decode-many with one worker and with one for each core, and plain tshark processes, as many at once: time of a core for a
gigabyte.

Time is what the processes had of a core, in user space and in the kernel: what else the machine does takes none of it, but
makes it longer all the same, by what cores share. So plain processes tell how much of a rise is the machine's.
"""

import concurrent.futures
import os
import shutil
import subprocess

import traffic
from bench import ROOT, core_seconds, say, table
from valgrind import USER

QUIET = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def decode_many(bench, capture, workers, copies):
    folder = bench.folder / f"{workers}-{copies}"
    folder.mkdir()
    for copy in range(copies):
        shutil.copy(capture, folder / f"{copy}.pcap")
    subprocess.run([ROOT / "tools" / "decode-many", folder, "--out", folder / "out", "--workers", str(workers)], **QUIET)


def plain_tshark(bench, capture, at_once, copies):
    command = [*USER, "env", f"HOME={bench.folder}", f"WIRESHARK_PLUGIN_DIR={bench.none}", "tshark", "-r", str(capture)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: subprocess.run(command, **QUIET), range(copies)))


def measure(bench):
    capture = bench.write("many", traffic.dense, 100 if bench.quick else 1_000)
    copies, cores = 4 if bench.quick else 40, os.cpu_count()
    rows, decoded, plain = [], [], []
    for workers in sorted({1, cores}):
        # The start of Dask and of its workers is taken off.
        measured = copies - workers
        gigabytes = measured * capture.stat().st_size / 1e9
        spent = (core_seconds(decode_many, bench, capture, workers, copies)
                 - core_seconds(decode_many, bench, capture, workers, workers))
        decoded.append(spent / gigabytes)
        plain.append(core_seconds(plain_tshark, bench, capture, workers, measured) / gigabytes)
        rows.append([workers, f"{decoded[-1]:,.1f} s", f"{plain[-1]:,.1f} s", f"{decoded[-1] / plain[-1]:.2f}"])
        say(f"{workers} workers: {decoded[-1]:.1f} core seconds for a gigabyte, {plain[-1]:.1f} of plain tshark")
    days = decoded[-1] * 100_000 / 86_400
    header = ["workers", "core seconds for a gigabyte", "tshark without the plugin, as many at once", "ratio"]
    return [f"Time of a core for a gigabyte of dense BitTorrent in captures of {capture.stat().st_size / 1e6:,.0f} MB, of all processes "
            f"together, on a machine with {cores} cores, which had other work as well. Each capture takes a start of tshark:", "",
            *table(header, rows), "",
            f"100 TB are 100,000 times a gigabyte: {days:,.0f} days of one core, {days * 24 / 1_000:,.1f} hours of 1,000 cores."]
