"""tools/mse-keylog and tools/mse-keylog.mjs: what a program hashes for MSE is logged, and nothing else.

For each connection a client hashes "keyA" S SKEY and "keyB" S SKEY with SHA-1; the log gets a line MSE <S> <SKEY>.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keylog_tool import (BOTH_KEYS, LINE, MODULE, OTHER_SKEY, PYTHON, S, SKEY, compile_c, digests, in_hex, library, line,
                         needs_node, run_way, ways)

HERE = Path(__file__).resolve().parent
LIBRARY_OF = {"SHA1_Update": "libcrypto", "EVP_DigestUpdate": "libcrypto", "nettle_sha1_update": "libnettle",
              "gcry_md_write": "libgcrypt", "gnutls_hash": "libgnutls"}

NODE = """
import { createHash } from 'node:crypto'
for (const hash of process.argv.slice(2).join(' ').split(' - ')) {
  const sha1 = createHash('sha1')
  for (const update of hash.split(' ')) sha1.update(new Uint8Array(Buffer.from(update, 'hex')))
  console.log(sha1.digest('hex'))
}
"""

def inputs(s):
    """What an MSE client hashes with the secret s, and the lines for it."""
    both = [[b"keyA", s, SKEY], [b"keyB", s, SKEY]]
    return {
        "three updates": (both, [line(s)]),
        "one update": ([[b"keyA" + s + SKEY], [b"keyB" + s + SKEY]], [line(s)]),
        "only keyA": ([[b"keyA", s, SKEY]], [line(s)]),
        "only keyB": ([[b"keyB" + s, SKEY]], [line(s)]),
        "split elsewhere": ([[b"keyA" + s[:1], s[1:] + SKEY[:-1], SKEY[-1:]]], [line(s)]),
        "two torrents": ([*both, [b"keyA", s, OTHER_SKEY], *both], [line(s), line(s, OTHER_SKEY)]),
        "given up, then again": ([[b"keyA"], [b"keyA", s], *both], [line(s)]),
        "what else MSE hashes": ([[b"req1", s], [b"req2", SKEY], [b"req3", s]], []),
        "too short": ([[b"keyA", s, SKEY[:-1]], [b"keyA" + s]], []),
        "too long": ([[b"keyA" + s + SKEY + b"x"], [b"keyB", s, SKEY + b"x"], [b"keyA", s + SKEY + b"x"]], []),
        "another label": ([[b"keyC", s, SKEY], [b"keya" + s + SKEY], [b"\0" + b"keyA" + s + SKEY[1:]]], []),
        "120 other bytes": ([[s + SKEY + b"keyA"], [bytes(120)]], []),
        "a piece of a torrent": ([[b"keyA" + bytes(0x3FFC)], [bytes(0x4000)]], []),
    }


def all_inputs():
    """All of them for one run, each with a secret of its own: what is hashed, and the lines for it."""
    chosen = [inputs(bytes([number]) * 96)[name] for number, name in enumerate(inputs(S))]
    return [updates for hashes, _ in chosen for updates in hashes], [text for _, lines in chosen for text in lines]


HASHES, LINES = all_inputs()


def test_python_client(tool):
    """python loads OpenSSL with RTLD_LOCAL. It prints the same digests, and the log has a line for each new pair."""
    done = tool.log(sys.executable, "-c", PYTHON, *in_hex(HASHES))
    assert done.stdout.split() == digests(HASHES)
    assert tool.lines() == LINES


@pytest.mark.parametrize("function", LIBRARY_OF)
def test_client_in_c(tool, function, tmp_path):
    """Each function that is watched, in a program that is linked with its library, does what it does without us."""
    file, version = library(LIBRARY_OF[function])
    program = compile_c(HERE / "hash_with.c", tmp_path / "client", f"-DUSE_{function}", f"-DLIBRARY_VERSION={version}", file)
    done = tool.log(program, *in_hex(HASHES))
    assert done.stdout.split() == digests(HASHES)
    assert tool.lines() == LINES


@needs_node
def test_node_client(tool, tmp_path):
    """The same of node's own OpenSSL, by the module for node --import."""
    script = tmp_path / "client.mjs"
    script.write_text(NODE)
    done = tool.run("node", "--import", MODULE, script, *in_hex(HASHES))
    assert done.stdout.split() == digests(HASHES)
    assert tool.lines() == LINES


@needs_node
def test_node_client_gives_text(tool, tmp_path):
    """Text and its encoding count as the bytes that they stand for, and an update that node refuses counts for nothing."""
    script = tmp_path / "client.mjs"
    script.write_text(f"""
        import crypto from 'node:crypto'
        const hash = crypto.createHash('sha1').update('keyA')
        try {{ hash.update(5) }} catch (error) {{ console.log(error.code) }}
        hash.update('{S.hex()}', 'hex').update(new DataView(new TextEncoder().encode('{SKEY.decode()}').buffer))
        console.log(hash.digest('hex'))""")
    done = tool.run("node", "--import", MODULE, script)
    assert done.stdout.split() == ["ERR_INVALID_ARG_TYPE", *digests(BOTH_KEYS[:1])]
    assert tool.lines() == [LINE]


# --- the file ---

@ways
def test_only_its_owner_may_read_it(tool, way):
    """Whatever the umask allows."""
    before = os.umask(0)
    try:
        run_way(tool, way)
    finally:
        os.umask(before)
    assert stat.S_IMODE(tool.keys.stat().st_mode) == 0o600


@ways
@pytest.mark.parametrize("kept", ["", "# a comment\n", line(S, OTHER_SKEY), "x" * 100_000 + "\n"])
def test_what_is_there_is_kept(tool, way, kept):
    """Lines are added at the end."""
    tool.keys.write_text(kept)
    tool.keys.chmod(0o600)
    run_way(tool, way)
    assert tool.keys.read_text() == kept + LINE


@ways
def test_a_pair_that_is_there_is_not_added(tool, way):
    """Neither the client's own of an earlier run nor that of the client at the other end."""
    run_way(tool, way)
    run_way(tool, way)
    assert tool.lines() == [LINE]


@ways
def test_half_a_line_at_the_end(tool, way):
    """The line stands for itself, though what was there has no newline."""
    tool.keys.write_text(LINE[:-1].replace("MSE", "MSF"))
    tool.keys.chmod(0o600)
    run_way(tool, way)
    assert tool.lines() == [LINE.replace("MSE", "MSF"), LINE]


def test_many_processes_share_it(tool):
    """Six processes log the same 300 pairs at the same time: whole lines, each once."""
    script = f"""import hashlib, sys
print("ready", flush=True)
sys.stdin.read()
for i in range(300): hashlib.sha1(b"keyA%096d" % i + {SKEY!r})"""
    tool.log("true")  # builds
    clients = [subprocess.Popen([str(tool.top / "tools" / "mse-keylog"), sys.executable, "-c", script],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env={**os.environ, "MSEKEYLOGFILE": str(tool.keys)}) for _ in range(6)]
    for client in clients:
        client.stdout.readline()
    for client in clients:
        client.stdin.close()
    assert [client.wait(60) for client in clients] == [0] * 6
    assert sorted(tool.lines()) == [line(b"%096d" % i) for i in range(300)]


def test_many_pairs_of_one_process(tool):
    """The log of a client that runs for long: each pair once, also the first one after many."""
    script = "import hashlib\nfor _ in range(2):\n  for i in range(2000): hashlib.sha1(b'keyA%096d%020d' % (i, i))"
    tool.log(sys.executable, "-c", script)
    assert tool.lines() == [line(b"%096d" % i, b"%020d" % i) for i in range(2000)]


def test_a_file_that_is_replaced(tool):
    """A file that was emptied, removed or replaced by another while the client runs is begun anew."""
    script = f"""import hashlib, os
def connect(): hashlib.sha1({b"keyA" + S + SKEY!r})
connect()
open({str(tool.keys)!r}, "w").close()
connect()
assert len(open({str(tool.keys)!r}).readlines()) == 1
os.unlink({str(tool.keys)!r})
connect()
assert len(open({str(tool.keys)!r}).readlines()) == 1
open({str(tool.keys)!r} + ".new", "w").write("# a longer file" * 50 + "\\n")
os.rename({str(tool.keys)!r} + ".new", {str(tool.keys)!r})
connect()"""
    tool.log(sys.executable, "-c", script)
    assert tool.lines() == ["# a longer file" * 50 + "\n", LINE]
