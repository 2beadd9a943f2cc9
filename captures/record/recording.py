"""One recording: dumpcap beside running clients, then a compressed capture and the receiving clients' log."""

import contextlib
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import check
import webrtc
from running import Client, Failure, wait_a_moment
from streams import Mismatch

CAPTURES = pathlib.Path(__file__).resolve().parent.parent
ENCRYPTED = CAPTURES / "encrypted"
WEBRTC = CAPTURES / "webrtc"
START_SECONDS = 10


class Dumpcap:
    """Records all packets of an interface into a pcapng file while the context lasts."""

    def __init__(self, interface, file, only):
        self._file = file
        self._pcap = file.with_suffix(".pcap")
        self._command = ["dumpcap", "-q", "-i", interface, "-f", only, "-B", "64", "-P", "-w", str(self._pcap)]

    def __enter__(self):
        self._messages = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stderr=self._messages)
        deadline = time.monotonic() + START_SECONDS
        while "File:" not in self._said():  # said when the interface is open
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise Failure(f"dumpcap did not start\n{self._said()}")
            time.sleep(0.05)
        wait_a_moment()
        return self

    def __exit__(self, *_):
        wait_a_moment()
        self._process.terminate()
        self._process.wait()
        dropped = re.search(r"dropped on interface .*: \d+/(\d+)", self._said())
        if not dropped or dropped[1] != "0":
            raise Failure(f"dumpcap lost packets\n{self._said()}")
        # dumpcap's own pcapng would describe the machine that it ran on
        subprocess.run(["editcap", "-F", "pcapng", self._pcap, self._file], check=True)

    def _said(self):
        self._messages.seek(0)
        return self._messages.read()


class Recording:
    """Where a scenario starts its clients. All of them end with the context, by process id."""

    def __init__(self, name):
        self.name = name
        self._receivers = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        self.folder = pathlib.Path(self._cleanup.enter_context(tempfile.TemporaryDirectory()))
        self._file = self.folder / "capture.pcapng"
        self.keys_file = self.folder / "keys"
        return self

    def __exit__(self, *_):
        self._cleanup.close()

    def use(self, context):
        """Enter a context that ends with the recording."""
        return self._cleanup.enter_context(context)

    def start(self, name, command):
        return self.use(Client(name, command))

    def start_receiver(self, name, command):
        """Start a client whose log is the ground truth of the capture."""
        client = self.start(name, command)
        self._receivers.append(client)
        return client

    def capture(self, interface="lo", only=""):
        """A context: what is sent meanwhile is captured, or only what a capture filter lets pass."""
        return Dumpcap(interface, self._file, only)

    def save(self):
        """Write NAME.log, NAME.keys and NAME.pcapng.gz, if they agree with each other. Returns what was compared.

        Without keys or without clients that log, there is no such file.
        """
        log = [entry for client in self._receivers for entry in client.log()]
        keys = self.keys_file.read_text() if self.keys_file.exists() else ""
        try:
            summary = check.compare_files(self._file.read_bytes(), log, keys)
        except Mismatch as mismatch:
            kept = shutil.copy(self._file, pathlib.Path(tempfile.gettempdir(), f"refused-{self.name}.pcapng"))
            raise Failure(f"{self.name}: {mismatch}\nThe refused capture is {kept}") from None
        folder = CAPTURES if not keys else WEBRTC if webrtc.is_key_log(keys) else ENCRYPTED
        base = folder / self.name
        if log:
            base.with_suffix(".log").write_text("".join(json.dumps(entry) + "\n" for entry in log))
        if keys:
            base.with_suffix(".keys").write_text(keys)
        with open(base.with_suffix(".pcapng.gz"), "wb") as file, \
                gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
            compressed.write(self._file.read_bytes())
        return summary
