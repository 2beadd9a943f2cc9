"""tools/decode-many with one worker and with one for each core: seconds for a gigabyte, with the start of the workers taken off."""

import os
import shutil
import subprocess
import time

import traffic
from bench import ROOT, say, table


def seconds(bench, captures, workers, number):
    """For so many copies of a capture."""
    folder = bench.folder / f"{workers}-{number}"
    folder.mkdir()
    for copy in range(number):
        shutil.copy(captures, folder / f"{copy}.pcap")
    begun = time.monotonic()
    subprocess.run([ROOT / "tools" / "decode-many", folder, "--out", folder / "out", "--workers", str(workers)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


def measure(bench):
    capture = bench.write("many", traffic.dense, 100 if bench.quick else 1_000)
    size = capture.stat().st_size
    copies, cores = 4 if bench.quick else 40, os.cpu_count()
    rows, rates = [], []
    for workers in sorted({1, cores}):
        spent = seconds(bench, capture, workers, copies) - seconds(bench, capture, workers, workers)
        rates.append(workers * spent / ((copies - workers) * size / 1e9))
        rows.append([workers, f"{rates[-1]:,.0f} s"])
        say(f"{workers} workers: {rates[-1]:.0f} core seconds for a gigabyte")
    days = rates[-1] * 100_000 / 86_400
    return [f"Time of a core for a gigabyte of dense BitTorrent, by the number of workers on a machine with {cores} cores, "
            "which had other work as well:", "", *table(["workers", "core seconds for a gigabyte"], rows), "",
            f"100 TB are 100,000 times a gigabyte: {days:,.0f} days of one core, {days * 24 / 1_000:,.1f} hours of 1,000 cores."]
