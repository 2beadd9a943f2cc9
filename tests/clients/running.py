"""Starting client programs, reading the JSON lines that they print, and stopping them again."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

CLIENTS = pathlib.Path(__file__).resolve().parent
TOOLS = CLIENTS.parent.parent / "tools"
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that python3-libtorrent belongs to
STOP_SECONDS = 10
LOGGED_EVENTS = ("encrypted", "donthave", "reject", "request", "request_failed")


class Failure(Exception):
    """A client did not do what was expected of it; the text says what, for the user."""


def free_port(address="127.0.0.1"):
    """A port that no TCP and no UDP socket uses at the moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class NoAnswer(Failure):
    """A client does not speak to another one at all."""


class Client:
    """A running client. Use it as a context manager: at the end it is stopped, by its process id.

    events holds what it has printed so far, one dictionary per JSON line. All clients share one processor, as loopback
    reorders packets that several processors send. Should this program be killed, its clients end as well.
    """

    ENDS_WITH_PARENT = ["setpriv", "--pdeathsig=TERM"]

    def __init__(self, name, command):
        self.name = name
        self.events = []
        self._changed = threading.Condition()
        self._ended = False
        self._errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*self.ENDS_WITH_PARENT, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self._errors, text=True)
        os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.events.append(json.loads(line) if line.startswith("{") else {"event": "output", "raw": line})
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def select(self, *names):
        """The events of these names so far, in order."""
        with self._changed:
            return [event for event in self.events if event["event"] in names]

    def wait_for(self, *names, seconds=30, **values):
        """The first event with one of these names, and with these values."""
        def found():
            return [event for event in self.events if event["event"] in names and values.items() <= event.items()]
        with self._changed:
            self._changed.wait_for(lambda: self._ended or found(), seconds)
            if found():
                return found()[0]
        wanted = " or ".join(names) + "".join(f", {key} {value}" for key, value in values.items())
        raise Failure(f"{self.name} did not report {wanted} within {seconds} s\n{self.output()}")

    def log(self):
        """What the client received, and the requests it sent, each with the name and address of the client."""
        address = self.wait_for("listening")["address"]
        return [{"client": self.name, "address": address, **event} for event in self.select(*LOGGED_EVENTS)]

    def wait_until_ended(self, seconds=90):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s\n{self.output()}") from None
        self._reader.join(STOP_SECONDS)
        if self.process.returncode != 0 or self.select("error"):
            raise Failure(f"{self.name} ended with an error\n{self.output()}")

    def output(self):
        """The end of what it printed, for error messages."""
        self._errors.seek(0)
        return "\n".join([json.dumps(event) for event in self.events[-5:]] + self._errors.read().splitlines()[-20:])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class LibtorrentRoot:
    """A Debian root folder with another version of python3-libtorrent in it, made by debootstrap.

    As a context manager it puts the client scripts into the root's /tmp, and takes them out at the end.
    """

    def __init__(self, root):
        self._root = pathlib.Path(root)
        if not self._root.joinpath(DEBIAN_PYTHON.lstrip("/")).exists():
            raise Failure(f"{root} holds no Debian root with python3")

    def __enter__(self):
        self._scripts = pathlib.Path(tempfile.mkdtemp(prefix="clients-", dir=self._root / "tmp"))
        for script in CLIENTS.glob("*.py"):
            shutil.copy(script, self._scripts)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._scripts)

    def command(self, *arguments):
        script = "/" + str(self._scripts.relative_to(self._root) / "libtorrent_peer.py")
        return ["chroot", str(self._root), DEBIAN_PYTHON, script, *map(str, arguments)]


def libtorrent_command(*arguments):
    """Command line of a libtorrent peer of this system's version."""
    return [DEBIAN_PYTHON, str(CLIENTS / "libtorrent_peer.py"), *map(str, arguments)]


def with_keys(key_log, command):
    """The command line that runs a client and appends the secrets of its encrypted connections (MSE) to the key log."""
    if command[0] == "node":
        command = ["node", "--import", str(TOOLS / "mse-keylog.mjs"), *command[1:]]
    else:
        command = [str(TOOLS / "mse-keylog"), *command]
    return ["env", f"MSEKEYLOGFILE={key_log}", *command]


def wait_a_moment(seconds=1):
    """Time for the last packets to arrive."""
    time.sleep(seconds)
