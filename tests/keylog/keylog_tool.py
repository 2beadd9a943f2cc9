"""tools/mse-keylog and tools/mse-keylog.mjs, and programs that hash as clients do, for the tests of them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "tools" / "mse-keylog.mjs"

S, SKEY = bytes(range(96)), b"the info hash itself"
OTHER_SKEY = b"another torrent here"

# Hashes the updates that it is given in hex; "-" begins another hash.
PYTHON = """
import hashlib, sys
for hash in " ".join(sys.argv[1:]).split(" - "):
    sha1 = hashlib.sha1()
    for update in hash.split():
        sha1.update(bytes.fromhex(update))
    print(sha1.hexdigest())
"""
BOTH_KEYS = [[b"keyA", S, SKEY], [b"keyB", S, SKEY]]


def line(secret, info_hash=SKEY):
    return f"MSE {secret.hex()} {info_hash.hex()}\n"


LINE = line(S)

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="there is no node")


class Tool:
    """A copy of the command in a source tree of its own: its library is not built yet."""

    def __init__(self, top):
        self.top = top
        shutil.copytree(ROOT / "tools", top / "tools")
        self.keys = top / "mse.keys"

    def run(self, *command, check=True, cwd=None, **environment):
        """Run a command line; variables that are None are unset."""
        variables = {**os.environ, "MSEKEYLOGFILE": str(self.keys), **environment}
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, cwd=cwd,
            env={name: value for name, value in variables.items() if value is not None})
        assert not check or (done.returncode, done.stderr) == (0, ""), done
        return done

    def log(self, *command, **options):
        """Run a client with its key log."""
        return self.run(self.top / "tools" / "mse-keylog", *command, **options)

    def lines(self):
        return self.keys.read_text().splitlines(keepends=True)


def in_hex(hashes):
    """The arguments of a program that hashes."""
    arguments = [argument for updates in hashes for argument in ["-", *(update.hex() for update in updates)]]
    return arguments[1:]


def digests(hashes):
    return [hashlib.sha1(b"".join(updates)).hexdigest() for updates in hashes]


def library(name):
    """The file of a library and the number in its name."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^\t{name}\.so\.(\d+)[.\d]* .* => (/\S+)", listed, re.MULTILINE)
    assert found, f"ldconfig -p lists no {name}"
    return found[2], found[1]


def compile_c(source, target, *options):
    subprocess.run(["cc", "-std=c11", *options[:1], "-o", str(target), str(source), *options[1:]], check=True)
    return target


def write_pair(way):
    """The command line of a program that hashes one pair."""
    if way == "node":
        return ["node", "--import", str(MODULE), "--input-type=module", "-e",
                f"import {{ createHash }} from 'node:crypto'; "
                f"createHash('sha1').update(Buffer.from('{(b'keyA' + S + SKEY).hex()}', 'hex'))"]
    return [sys.executable, "-c", PYTHON, *in_hex(BOTH_KEYS)]


ways = pytest.mark.parametrize("way", ["library", pytest.param("node", marks=needs_node)])


def run_way(tool, way, **options):
    return (tool.run if way == "node" else tool.log)(*write_pair(way), **options)
