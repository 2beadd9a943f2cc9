"""Runs tshark on a capture, as a user who may load plugins, and says how far it is."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

# What is copied for -2 at most: tshark must seek in it, and may not read the original.
COPY_MAX = 1 << 30

SILENT_SECONDS = 2          # before a word of progress
TERMINAL_SECONDS = 0.5      # between two on a terminal
LOG_SECONDS = 10            # between two elsewhere


class Failure(Exception):
    """What to tell the user, in a sentence."""


def reads_once(capture):
    """Whether a capture is a pipe, or may be one. A list of captures is joined anew each time."""
    return not isinstance(capture, list) and (capture == "-" or not Path(capture).is_file())


class Runner:
    """How tshark is run: `plugins` is the folder of ours, `folder` a temporary one that its user may enter."""

    def __init__(self, plugins, folder, say):
        self.plugins, self.folder, self.say = plugins, Path(folder), say
        self.become = AS_NOBODY if os.geteuid() == 0 else []
        self.joining = None     # mergecap, where it runs

    def environment(self):
        unset = [part for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_CONFIG_DIR") for part in ("-u", name)]
        return ["env", *unset, f"HOME={self.folder}/home", f"WIRESHARK_PLUGIN_DIR={self.plugins}"]

    def may_read(self, path):
        return subprocess.run([*self.become, "test", "-r", str(path)], check=False).returncode == 0

    def private_copy(self, source, name):
        """A file with the bytes of `source`, an open file, that nobody but tshark's user may read."""
        path = self.folder / name
        with open(path, "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        if self.become:
            os.chown(path, NOBODY, NOBODY)
        return path

    def readable_key_logs(self, options):
        """The options, with copies of the key logs that tshark's user may not read."""
        options = list(options)
        for number, option in enumerate(options):
            name, _, file = option.partition(":")
            if name in ("bt.peer.mse_keylog_file", "tls.keylog_file") and os.access(file, os.R_OK):
                path = Path(file).resolve()
                if not self.may_read(path):
                    with open(path, "rb") as keys:
                        path = self.private_copy(keys, f"keys{number}")
                options[number] = f"{name}:{path}"
        return options

    def source(self, capture, two_passes):
        """What tshark gets as -r, and as standard input (or None). A capture that it may not read is opened here, and
        handed on; where it must seek in it, it gets a copy. The files of a list are joined on the way."""
        if isinstance(capture, list):
            self.joining = subprocess.Popen(["mergecap", "-a", "-F", "pcapng", "-w", "-", *map(str, capture)],
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            return "-", self.joining.stdout
        path = Path(capture)
        if capture != "-" and path.is_file() and self.may_read(path.resolve()):
            return str(path.resolve()), None
        stream = sys.stdin.buffer if capture == "-" else open(path, "rb")
        if not two_passes:
            return "-", stream
        if capture != "-" and path.is_file() and path.stat().st_size > min(COPY_MAX, shutil.disk_usage(self.folder).free):
            raise Failure(f"{capture} is too large to be copied, and with -2 tshark must read the file itself; without "
                          f"-2 it is read as it is, or let everybody read it: chmod a+r {capture}")
        return str(self.private_copy(stream, "capture")), None

    def cuts_packets(self, capture):
        """Whether the capture has only the beginning of some packets."""
        printed, _, _ = self.run(capture, [], False, program=("capinfos", "-l"))
        return "inferred:" in printed

    def run(self, capture, options, two_passes, out=None, program=("tshark", "-r")):
        """Runs tshark. What it prints is returned, or goes to `out`, a binary file; then whether there was any. Also its
        exit status, and what it said of errors."""
        file, stdin = self.source(capture, two_passes)
        command = [*self.become, *self.environment(), *program, file, *options]
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stderr=errors,
                                       stdout=subprocess.PIPE if out else printed)
            if self.joining:
                self.joining.stdout.close()     # tshark's alone
            copied = []
            if out:
                copier = threading.Thread(target=copy_all, args=(process.stdout, out, copied), daemon=True)
                copier.start()
            try:
                self.watch(process, capture)
                if out:
                    copier.join()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            self.joined()
            errors.seek(0)
            printed.seek(0)
            said = errors.read().decode(errors="replace")
            return (bool(copied) if out else printed.read().decode(errors="replace")), process.returncode, said

    def joined(self):
        """Where mergecap ran, it must have come to its end."""
        joining, self.joining = self.joining, None
        if joining:
            _, errors = joining.communicate()
            if joining.returncode != 0:
                raise Failure(errors.decode(errors="replace").strip().splitlines()[-1])

    def watch(self, process, capture):
        """Waits for tshark, and says how far it is."""
        began = time.monotonic()
        terminal = sys.stderr.isatty()
        wait = SILENT_SECONDS
        while True:
            try:
                process.wait(timeout=wait)
                break
            except subprocess.TimeoutExpired:
                done, size = (0, 0) if isinstance(capture, list) else position(process.pid, capture)
                text = f"{capture}: {done:,} of {size:,} bytes read"
                if done == 0:
                    pass                # tshark is still starting, or reads a pipe
                elif terminal:
                    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
                else:
                    self.say(text)
                wait = TERMINAL_SECONDS if terminal else LOG_SECONDS
        if terminal and time.monotonic() - began >= SILENT_SECONDS:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def copy_all(source, target, copied):
    """What tshark prints, as it prints it. `copied` gets something if there was any."""
    try:
        while block := source.read1(1 << 16):
            copied.append(True)
            target.write(block)
            target.flush()
    except BrokenPipeError:
        os._exit(0)     # the reader has enough


def position(pid, capture):
    """How far a process has read the capture, in bytes, and the size of the capture; 0: not known."""
    try:
        size = os.stat(0 if capture == "-" else capture)
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            about = os.stat(f"/proc/{pid}/fd/{descriptor}")
            if (about.st_dev, about.st_ino) == (size.st_dev, size.st_ino):
                with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii") as info:
                    return int(info.readline().split()[1]), size.st_size
        return 0, size.st_size
    except (OSError, ValueError, IndexError):
        return 0, 0
