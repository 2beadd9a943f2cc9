"""Captures loopback in the three ways in which users look at live traffic, all at the same time.

  live   tshark -i lo -l -Y bt.donthave ...            captures by itself
  pipe   dumpcap -i lo -w - | tshark -i - -l -Y ...    reads from a pipe what dumpcap captures
  file   what went through that pipe; to be read afterwards

tshark loads no plugins for root, and capturing is a privilege. So root's tshark runs as nobody with the two capabilities
that dumpcap, which tshark starts, asks for.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from running import Failure
from tshark import NOBODY

INTERFACE = "lo"
CAPABILITIES = ["--inh-caps=+net_raw,+net_admin", "--ambient-caps=+net_raw,+net_admin"]
START_SECONDS = 20
LAST_PACKETS_SECONDS = 1
STOP_SECONDS = 20
TIME_LIMIT = ["-a", "duration:150"]  # longer than any download: for the case that these tests are killed
TROUBLE = ("issector bug", "was compiled for Wireshark", "Couldn't load", "ERROR:", "CRITICAL", "WARNING")

# A row of tshark -T fields: one frame with DontHaves.
COLUMNS = ["frame.number", "ip.src", "tcp.srcport", "udp.srcport", "ip.dst", "tcp.dstport", "udp.dstport",
           "bt.donthave.piece_index", "bt.donthave.id", "bt.donthave.id_assigned_in", "bt.donthave.fast",
           "bt.donthave.requests", "bt.donthave.bytes", "bt.donthave.request_in"]
FRAME_NUMBERS = ("frame.number", "bt.donthave.id_assigned_in", "bt.donthave.request_in")
ROWS = ["-Y", "bt.donthave", "-T", "fields", *(part for column in COLUMNS for part in ("-e", column))]


def may_capture(command):
    """The command line of root's tshark, which runs it as nobody, with the right to capture."""
    if command[:len(NOBODY)] != NOBODY:
        return command
    dumpcap = os.stat(shutil.which("dumpcap"))
    only_for_group = [] if dumpcap.st_mode & 0o001 else [f"--regid={dumpcap.st_gid}"]
    become_nobody = [option for option in NOBODY if not (only_for_group and option.startswith("--regid"))]
    return [*become_nobody, *only_for_group, *CAPABILITIES, *command[len(NOBODY):]]


def parse(line):
    return dict(zip(COLUMNS, line.rstrip("\n").split("\t")))


def with_frames_from(rows, first):
    """The rows with all frame numbers counted from another first frame."""
    def move(text):
        return ",".join(str(int(number) - first) for number in text.split(",")) if text else text
    return [{column: move(value) if column in FRAME_NUMBERS else value for column, value in row.items()} for row in rows]


def counted_from_first_row(rows):
    """For rows of two captures that did not start with the same packet."""
    return with_frames_from(rows, int(rows[0]["frame.number"])) if rows else rows


class Process:
    """A program of a capture; what it says on stderr goes to FOLDER/NAME.err."""

    def __init__(self, name, folder, command, **options):
        self.name = name
        self._errors = folder / f"{name}.err"
        with open(self._errors, "w") as errors:
            self.process = subprocess.Popen(command, stderr=errors, **options)

    def said(self):
        return self._errors.read_text(errors="replace")

    def wait(self):
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end\n{self.said()}") from None
        if self.process.returncode != 0:
            raise Failure(f"{self.name} ended with status {self.process.returncode}\n{self.said()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class PrintingTshark(Process):
    """A tshark that prints rows, each noted with the time when it came."""

    def __init__(self, name, folder, command, stdin=subprocess.DEVNULL):
        super().__init__(name, folder, command, stdin=stdin, stdout=subprocess.PIPE, text=True)
        self._rows_file = folder / f"{name}.rows"
        self.rows = []
        self.times = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self._rows_file, "w") as file:
            for line in self.process.stdout:
                self.times.append(time.monotonic())
                self.rows.append(parse(line))
                file.write(line)
                file.flush()

    def wait(self):
        super().wait()
        self._reader.join()
        for trouble in TROUBLE:
            if trouble in self.said():
                raise Failure(f"{self.name} complains\n{self.said()}")


class Observers:
    """A context: the three captures run meanwhile. Afterwards live and pipe have rows and times, and file is complete."""

    def __init__(self, folder, tshark, options=()):
        self._folder = folder
        self._tshark = tshark
        self._shown = [*options, *ROWS]
        self.file = folder / "capture.pcapng"

    def __enter__(self):
        self._processes = []
        try:
            self._start()
        except BaseException:
            self._kill()
            raise
        return self

    def _start(self):
        others = packet_sockets()
        self._dumpcap = self._note(Process("dumpcap", self._folder, [
            "dumpcap", "-q", "-i", INTERFACE, *TIME_LIMIT, "-B", "64", "-w", "-"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
        self._tee = self._note(Process("tee", self._folder, [
            "tee", str(self.file)], stdin=self._dumpcap.process.stdout, stdout=subprocess.PIPE))
        self.pipe = self._note(PrintingTshark("pipe", self._folder, self._tshark.command([
            "-i", "-", "-l", *self._shown]), stdin=self._tee.process.stdout))
        self._dumpcap.process.stdout.close()  # now theirs alone: when the last reader ends, the writer learns it
        self._tee.process.stdout.close()
        self.live = self._note(PrintingTshark("live", self._folder, may_capture(self._tshark.command([
            "-i", INTERFACE, *TIME_LIMIT, "-l", *self._shown]))))
        deadline = time.monotonic() + START_SECONDS
        while len(packet_sockets() - others) < 2 or "apturing on" not in self.pipe.said():
            for process in self._processes:
                if process.process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"{process.name} does not capture\n{process.said()}")
            time.sleep(0.02)

    def _note(self, process):
        self._processes.append(process)
        return process

    def __exit__(self, kind, *_):
        self.over = time.monotonic()
        try:
            time.sleep(LAST_PACKETS_SECONDS)
            self._dumpcap.process.send_signal(signal.SIGINT)
            self.live.process.send_signal(signal.SIGINT)
            if kind is None:
                self._wait()
        finally:
            self._kill()

    def _wait(self):
        for process in self._processes:
            process.wait()
        dropped = re.search(r"dropped on interface .*: \d+/(\d+)", self._dumpcap.said())
        if not dropped or dropped[1] != "0":
            raise Failure(f"dumpcap lost packets\n{self._dumpcap.said()}")

    def _kill(self):
        for process in self._processes:
            process.kill()

    def rows_of_file(self):
        """What the same command prints for the written file."""
        return [parse(line) for line in self._tshark.read(self.file, *self._shown).splitlines()]


def packet_sockets():
    """The sockets of this network namespace that capture packets."""
    return {line.split()[-1] for line in pathlib.Path("/proc/net/packet").read_text().splitlines()[1:]}
