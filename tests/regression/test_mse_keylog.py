"""tools/mse-keylog and tools/mse-keylog.mjs: what a program hashes for MSE is logged, and nothing else.

For each connection a client hashes "keyA" S SKEY and "keyB" S SKEY with SHA-1; the log gets a line MSE <S> <SKEY>.
"""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tshark import ROOT

HERE = Path(__file__).resolve().parent
MODULE = ROOT / "tools" / "mse-keylog.mjs"
LIBRARY_OF = {"SHA1_Update": "libcrypto", "EVP_DigestUpdate": "libcrypto", "nettle_sha1_update": "libnettle",
              "gcry_md_write": "libgcrypt", "gnutls_hash": "libgnutls"}
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wpedantic", "-Wcast-qual",
            "-Wundef", "-Wwrite-strings", "-Wvla", "-Wimplicit-fallthrough", "-Werror"]

S, SKEY = bytes(range(96)), b"the info hash itself"
OTHER_SKEY = b"another torrent here"
LINE = f"MSE {S.hex()} {SKEY.hex()}\n"

# Hashes the updates that it is given in hex; "-" begins another hash.
PYTHON = """
import hashlib, sys
for hash in " ".join(sys.argv[1:]).split(" - "):
    sha1 = hashlib.sha1()
    for update in hash.split():
        sha1.update(bytes.fromhex(update))
    print(sha1.hexdigest())
"""
NODE = """
import { createHash } from 'node:crypto'
for (const hash of process.argv.slice(2).join(' ').split(' - ')) {
  const sha1 = createHash('sha1')
  for (const update of hash.split(' ')) sha1.update(new Uint8Array(Buffer.from(update, 'hex')))
  console.log(sha1.digest('hex'))
}
"""

BOTH_KEYS = [[b"keyA", S, SKEY], [b"keyB", S, SKEY]]

# What an MSE client hashes, and the lines for it.
INPUTS = {
    "three updates": (BOTH_KEYS, [LINE]),
    "one update": ([[b"keyA" + S + SKEY], [b"keyB" + S + SKEY]], [LINE]),
    "only keyA": ([[b"keyA", S, SKEY]], [LINE]),
    "only keyB": ([[b"keyB" + S, SKEY]], [LINE]),
    "split elsewhere": ([[b"keyA" + S[:1], S[1:] + SKEY[:-1], SKEY[-1:]]], [LINE]),
    "two torrents": ([*BOTH_KEYS, [b"keyA", S, OTHER_SKEY], *BOTH_KEYS],
                     [LINE, f"MSE {S.hex()} {OTHER_SKEY.hex()}\n"]),
    "given up, then again": ([[b"keyA"], [b"keyA", S], *BOTH_KEYS], [LINE]),
    "what else MSE hashes": ([[b"req1", S], [b"req2", SKEY], [b"req3", S]], []),
    "too short": ([[b"keyA", S, SKEY[:-1]], [b"keyA" + S]], []),
    "too long": ([[b"keyA" + S + SKEY + b"x"], [b"keyB", S, SKEY + b"x"], [b"keyA", S + SKEY + b"x"]], []),
    "another label": ([[b"keyC", S, SKEY], [b"keya" + S + SKEY], [b"\0" + b"keyA" + S + SKEY[1:]]], []),
    "120 other bytes": ([[S + SKEY + b"keyA"], [bytes(120)]], []),
    "a piece of a torrent": ([[b"keyA" + bytes(0x3FFC)], [bytes(0x4000)]], []),
}

each_input = pytest.mark.parametrize("hashes, lines", INPUTS.values(), ids=INPUTS)
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


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return Tool(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def tool(built):
    """The command, with no key log yet."""
    built.keys.unlink(missing_ok=True)
    return built


@pytest.fixture
def fresh(tmp_path):
    """The command before its first use."""
    return Tool(tmp_path / "tree")


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


# --- what is logged ---

@each_input
def test_python_client(tool, hashes, lines):
    """python loads OpenSSL with RTLD_LOCAL. It prints the same digests, and the log has a line for each new pair."""
    done = tool.log(sys.executable, "-c", PYTHON, *in_hex(hashes))
    assert done.stdout.split() == digests(hashes)
    assert tool.lines() == lines


@each_input
@pytest.mark.parametrize("function", LIBRARY_OF)
def test_client_in_c(tool, function, hashes, lines, tmp_path_factory):
    """Each function that is watched, in a program that is linked with its library, does what it does without us."""
    program = tmp_path_factory.getbasetemp() / function
    if not program.exists():
        file, version = library(LIBRARY_OF[function])
        compile_c(HERE / "hash_with.c", program, f"-DUSE_{function}", f"-DLIBRARY_VERSION={version}", file)
    done = tool.log(program, *in_hex(hashes))
    assert done.stdout.split() == digests(hashes)
    assert tool.lines() == lines


@needs_node
@each_input
def test_node_client(tool, hashes, lines, tmp_path):
    """The same of node's own OpenSSL, by the module for node --import."""
    script = tmp_path / "client.mjs"
    script.write_text(NODE)
    done = tool.run("node", "--import", MODULE, script, *in_hex(hashes))
    assert done.stdout.split() == digests(hashes)
    assert tool.lines() == lines


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
@pytest.mark.parametrize("kept", ["", "# a comment\n", f"MSE {S.hex()} {OTHER_SKEY.hex()}\n", "x" * 100_000 + "\n"])
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
    assert sorted(tool.lines()) == [f"MSE {(b'%096d' % i).hex()} {SKEY.hex()}\n" for i in range(300)]


def test_many_pairs_of_one_process(tool):
    """The log of a client that runs for long: each pair once, also the first one after many."""
    script = "import hashlib\nfor _ in range(2):\n  for i in range(2000): hashlib.sha1(b'keyA%096d%020d' % (i, i))"
    tool.log(sys.executable, "-c", script)
    assert tool.lines() == [f"MSE {(b'%096d' % i).hex()} {(b'%020d' % i).hex()}\n" for i in range(2000)]


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


# --- the client ---

def test_the_client_forks_while_a_thread_logs(tool, tmp_path):
    """The child can log all the same. A thread hangs in the hook here, as somebody else has locked the file."""
    gcrypt, _ = library("libgcrypt")
    about_to_fork = tmp_path / "about to fork"
    tool.keys.touch()
    tool.keys.chmod(0o600)

    def release(locked):
        while not about_to_fork.exists():
            time.sleep(0.05)
        time.sleep(1)
        fcntl.flock(locked, fcntl.LOCK_UN)

    with open(tool.keys) as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        releasing = threading.Thread(target=release, args=(locked,), daemon=True)
        releasing.start()
        done = tool.log(sys.executable, "-c", f"""import ctypes, hashlib, os, threading, time
gcrypt = ctypes.CDLL({gcrypt!r}, ctypes.RTLD_LOCAL)
gcrypt.gcry_check_version(None)
hash = ctypes.c_void_p()
gcrypt.gcry_md_open(ctypes.byref(hash), 2, 0)
data = {b"keyA" + S + SKEY!r}
thread = threading.Thread(target=lambda: ctypes.CDLL(None).gcry_md_write(hash, data, ctypes.c_size_t(len(data))))
thread.start()
time.sleep(0.5)
print(os.stat({str(tool.keys)!r}).st_size, flush=True)
open({str(about_to_fork)!r}, "w").close()
if os.fork() == 0:
    hashlib.sha1({b"keyA" + S + OTHER_SKEY!r})
    os._exit(0)
os.wait()
thread.join()""")
        releasing.join(10)
    assert done.stdout == "0\n"
    assert tool.lines() == [LINE, f"MSE {S.hex()} {OTHER_SKEY.hex()}\n"]


def test_children_are_followed(tool):
    """A client that a script starts, in the background, in another folder; the log's name is relative."""
    client = f"cd / && '{sys.executable}' -c '{PYTHON}' {' '.join(in_hex(BOTH_KEYS))} & wait"
    tool.log("sh", "-c", client, cwd=tool.top, MSEKEYLOGFILE=tool.keys.name)
    assert tool.lines() == [LINE]


def test_the_client_forks(tool):
    """As daemons do: the child logs what it hashes."""
    tool.log(sys.executable, "-c", f"""import hashlib, os
hashlib.sha1({b"keyA" + S + SKEY!r})
if os.fork() == 0:
    hashlib.sha1({b"keyA" + S + OTHER_SKEY!r})
else:
    os.wait()""")
    assert tool.lines() == [LINE, f"MSE {S.hex()} {OTHER_SKEY.hex()}\n"]


def test_library_that_the_caller_does_not_name(tool):
    """A library loaded with RTLD_LOCAL, called from a module that has no tie to it: it is found by its name."""
    gcrypt, _ = library("libgcrypt")
    tool.log(sys.executable, "-c", f"""import ctypes
gcrypt = ctypes.CDLL({gcrypt!r}, ctypes.RTLD_LOCAL)
gcrypt.gcry_check_version(None)
hash = ctypes.c_void_p()
gcrypt.gcry_md_open(ctypes.byref(hash), 2, 0)
data = {b"keyA" + S + SKEY!r}
ctypes.CDLL(None).gcry_md_write(hash, data, ctypes.c_size_t(len(data)))
gcrypt.gcry_md_read.restype = ctypes.c_void_p
assert ctypes.string_at(gcrypt.gcry_md_read(hash, 2), 20).hex() == {digests([[b"keyA", S, SKEY]])[0]!r}""")
    assert tool.lines() == [LINE]


def test_library_of_another_name(tool, tmp_path):
    """One that a module brings along, loaded with RTLD_LOCAL, is found as the loader finds it for the module."""
    tmp_path.joinpath("own.c").write_text("int SHA1_Update(void *hash, const void *data, unsigned long length);\n"
                                          "int SHA1_Update(void *hash, const void *data, unsigned long length)\n"
                                          "{ return hash && data ? (int)length + 1 : 0; }\n")
    tmp_path.joinpath("module.c").write_text("int SHA1_Update(void *hash, const void *data, unsigned long length);\n"
                                             "int call(void *hash, const void *data, unsigned long length);\n"
                                             "int call(void *hash, const void *data, unsigned long length)\n"
                                             "{ int result = SHA1_Update(hash, data, length); return result; }\n")
    compile_c(tmp_path / "own.c", tmp_path / "own.so", "-fPIC", "-shared")
    compile_c(tmp_path / "module.c", tmp_path / "module.so", "-fPIC", "-shared", str(tmp_path / "own.so"))
    done = tool.log(sys.executable, "-c", f"""import ctypes
data = {b"keyA" + S + SKEY!r}
print(ctypes.CDLL({str(tmp_path / "module.so")!r}).call(data, data, ctypes.c_size_t(len(data))))""")
    assert done.stdout == f"{len(b'keyA' + S + SKEY) + 1}\n"
    assert tool.lines() == [LINE]


def test_exit_status_and_output_are_the_clients(tool):
    done = tool.log("sh", "-c", "echo \"$1\"; echo err >&2; exit 3", "sh", "an argument", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "an argument\n", "err\n")


def test_its_own_preloaded_libraries_stay(tool):
    """A client that has LD_PRELOAD set already keeps it, after ours."""
    libc = library("libc")[0]
    done = tool.log("sh", "-c", "echo $LD_PRELOAD", LD_PRELOAD=libc)
    assert done.stdout.split(":")[1:] == [f"{libc}\n"]


# --- messages ---

def fails(done, text):
    assert done.returncode != 0
    assert done.stdout == ""
    assert re.search(text, done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_no_compiler(fresh, tmp_path):
    """The library must be built first; the message names the packages."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for command in ("readlink", "dirname", "basename", "find", "env", "bash", "sh", "true"):
        commands.joinpath(command).symlink_to(shutil.which(command))
    fails(fresh.log("true", check=False, PATH=str(commands)), "no C compiler.*apt-get install gcc libc6-dev")


def test_source_does_not_compile(fresh):
    """What the compiler said is shown."""
    with open(fresh.top / "tools" / "mse-keylog.c", "a") as source:
        source.write("#error broken\n")
    done = fresh.log("true", check=False)
    assert done.returncode != 0
    assert "#error broken" in done.stderr and "could not build" in done.stderr
    assert not list(fresh.top.glob("build/*.so*"))


def test_source_that_changed_is_built_again(fresh):
    fresh.log("true")
    library_file, = fresh.top.glob("build/*.so")
    before = library_file.stat().st_ino
    fresh.log("true")
    assert library_file.stat().st_ino == before
    os.utime(library_file, (0, 0))
    fresh.log("true")
    assert library_file.stat().st_ino != before


def test_source_tree_with_a_space(tmp_path):
    """LD_PRELOAD parts names at spaces: the library is built in the user's cache."""
    tool = Tool(tmp_path / "a tree")
    tool.log(*write_pair("library"), HOME=str(tmp_path), XDG_CACHE_HOME=None)
    assert tool.lines() == [LINE]


def test_warnings_are_errors(tmp_path):
    compile_c(ROOT / "tools" / "mse-keylog.c", tmp_path / "library.so", "-fPIC", "-shared", "-pthread", "-O2",
              "-fvisibility=hidden", *WARNINGS)


@ways
@pytest.mark.parametrize("name", [None, ""])
def test_no_file_named(tool, way, name):
    fails(run_way(tool, way, check=False, MSEKEYLOGFILE=name), "MSEKEYLOGFILE is not set.*MSEKEYLOGFILE=mse.keys")


@ways
def test_file_cannot_be_written(tool, way, tmp_path):
    """The client is not started."""
    missing = str(tmp_path / "missing" / "mse.keys")
    fails(run_way(tool, way, check=False, MSEKEYLOGFILE=missing), f"cannot write to MSEKEYLOGFILE={missing}: .*[Nn]o such file")


def test_file_is_a_folder(tool, tmp_path):
    fails(tool.log("true", check=False, MSEKEYLOGFILE=str(tmp_path)), f"{tmp_path} is not a file")


def test_others_may_read_the_file(tool):
    """A warning; the mode is not changed, and the client runs."""
    tool.keys.touch()
    tool.keys.chmod(0o644)
    done = tool.log("echo", "runs", check=False)
    assert (done.returncode, done.stdout) == (0, "runs\n")
    assert re.fullmatch(f".*warning: others may read {tool.keys}; chmod 600 {tool.keys}\n", done.stderr)
    assert stat.S_IMODE(tool.keys.stat().st_mode) == 0o644


def test_file_cannot_be_written_later(tool):
    """The client goes on, and one line says why nothing is logged."""
    script = f"import hashlib, os, sys\nos.unlink({str(tool.keys)!r})\nos.mkdir({str(tool.keys)!r})\n" + PYTHON
    try:
        done = tool.log(sys.executable, "-c", script, *in_hex(BOTH_KEYS), check=False)
        assert (done.returncode, done.stdout.split()) == (0, digests(BOTH_KEYS))
        assert done.stderr == f"mse-keylog: cannot open {tool.keys}: Is a directory\n"
    finally:
        tool.keys.rmdir()


def test_no_such_command(tool):
    fails(tool.log("no-such-client", check=False), "no such command: no-such-client")


def test_no_program(tool):
    fails(tool.log(tool.top / "tools" / "mse-keylog.c", check=False), "mse-keylog.c is not a program")


def test_no_command(tool):
    done = tool.log(check=False)
    assert done.returncode != 0 and "Usage: " in done.stderr


def test_help(tool):
    assert "Usage: " in tool.log("--help", MSEKEYLOGFILE=None).stdout


@pytest.mark.parametrize("how", ["-static", "-static-pie"])
def test_client_is_linked_statically(tool, how, tmp_path):
    """It says so at once, runs the client all the same, and the client is as it was."""
    source = tmp_path / "client.c"
    source.write_text('#include <stdio.h>\nint main(void) { return puts("runs") < 0; }\n')
    program = compile_c(source, tmp_path / "client", how)
    done = tool.log(program, check=False)
    assert (done.returncode, done.stdout) == (0, "runs\n")
    assert re.fullmatch(f".*{program} is linked statically: nothing can be logged.*\n", done.stderr)


def test_client_without_a_library_that_is_watched(tool):
    """As a client that has its crypto library linked statically, though not the C library: after a while it says so."""
    done = tool.log("sleep", "7", check=False)
    assert done.returncode == 0
    assert re.fullmatch(".*sleep has not loaded libcrypto, .*: if it is linked .* statically, nothing can be logged\n",
                        done.stderr)


def test_client_that_loads_its_library_late(tool):
    """Within that while: nothing is said."""
    script = "import time; time.sleep(2); import hashlib; time.sleep(5)"
    assert tool.log(sys.executable, "-c", script).stderr == ""
    tool.log("sh", "-c", f"sleep 1; exec {sys.executable} -c 'import hashlib, time; time.sleep(6)'")
