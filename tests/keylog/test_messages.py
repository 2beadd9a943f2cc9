"""tools/mse-keylog and tools/mse-keylog.mjs: what they say when something is missing or cannot work."""

import concurrent.futures
import os
import re
import shutil
import stat
import sys

import pytest

from keylog_tool import BOTH_KEYS, LINE, PYTHON, ROOT, Tool, compile_c, digests, in_hex, run_way, ways, write_pair

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wpedantic", "-Wcast-qual",
            "-Wundef", "-Wwrite-strings", "-Wvla", "-Wimplicit-fallthrough", "-Werror"]


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


@pytest.fixture(scope="module", autouse=True)
def waiting(built):
    """Clients that take some seconds, while the other tests run."""
    late = "import time; time.sleep(2); import hashlib; time.sleep(5)"
    imports = "import hashlib, time; time.sleep(6)"
    clients = {"none": ["sleep", "7"], "late": [sys.executable, "-c", late],
               "later": ["sh", "-c", f"sleep 1; exec {sys.executable} -c '{imports}'"]}
    built.log("true")                   # builds the library
    with concurrent.futures.ThreadPoolExecutor() as pool:
        yield {name: pool.submit(built.log, *command, check=False, MSEKEYLOGFILE=str(built.top / f"{name}.keys"))
               for name, command in clients.items()}


def test_client_without_a_library_that_is_watched(waiting):
    """As a client that has its crypto library linked statically, though not the C library: after a while it says so."""
    done = waiting["none"].result()
    assert done.returncode == 0
    assert re.fullmatch(".*sleep has not loaded libcrypto, .*: if it is linked .* statically, nothing can be logged\n",
                        done.stderr)


@pytest.mark.parametrize("client", ["late", "later"])
def test_client_that_loads_its_library_late(waiting, client):
    """Within that while: nothing is said."""
    done = waiting[client].result()
    assert (done.returncode, done.stderr) == (0, "")
