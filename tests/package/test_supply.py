"""What the plugin may do to the program that loads it: it exports its entry points, opens no file of its own but the key
log that its user names, and no socket."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from installed import PLUGIN, PLUGINS, ROOT, as_nobody, output

ENTRY_POINTS = ["plugin_describe", "plugin_register", "plugin_version", "plugin_want_major", "plugin_want_minor"]
CAPTURES = ["npm_nofast.pcapng.gz", "libtorrent_utp_trixie.pcapng.gz", "encrypted/mse_rc4_tcp.pcapng.gz"]
NO_PLUGINS = Path("/nonexistent")


def test_exports_its_entry_points_only():
    symbols = output("nm", "-D", "--defined-only", PLUGIN).splitlines()
    assert sorted(line.split()[-1] for line in symbols) == ENTRY_POINTS


def test_hardened():
    """Read-only relocations, all of them bound at the start; a stack that is not code; stack protector."""
    headers = output("readelf", "-lW", PLUGIN)
    assert "GNU_RELRO" in headers
    assert re.search(r"GNU_STACK.* RW ", headers)
    dynamic = output("readelf", "-dW", PLUGIN)
    assert re.search(r"\(FLAGS(_1)?\).*\bNOW\b", dynamic)
    assert "TEXTREL" not in dynamic and "RUNPATH" not in dynamic and "RPATH" not in dynamic
    assert "__stack_chk_fail" in output("nm", "-D", "--undefined-only", PLUGIN)


@pytest.fixture(scope="module")
def folder():
    """A folder that tshark's user can read and write."""
    made = Path(tempfile.mkdtemp(prefix="bt-donthave-supply-", dir="/tmp"))
    shutil.copytree(PLUGINS, made / "plugins")
    for name in CAPTURES:
        shutil.copy(ROOT / "captures" / name, made)
    shutil.copy(ROOT / "captures" / "encrypted" / "mse_rc4_tcp.keys", made / "keys")
    (made / "traces").mkdir()
    for path in [made, *made.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    if os.geteuid() == 0:
        output("chown", "-R", "65534:65534", made)
    yield made
    shutil.rmtree(made)


def traced(folder, plugins, *options):
    """The system calls of tshark and its children that name files, open sockets or start programs."""
    calls = set()
    for name in CAPTURES:
        trace = folder / "traces" / "trace"
        output("strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file,%network,memfd_create,pidfd_open,bpf,io_uring_setup",
               "-o", trace, *as_nobody("/nonexistent", plugins), "tshark", "-2", *options, "-r", folder / Path(name).name,
               "-V")
        for line in trace.read_text(errors="replace").splitlines():
            call = re.match(r"\d+ +(\w+)\((.*)\) += ", line)
            if call:
                named = [re.sub(r"^/proc/\d+", "/proc/PID", path) for path in re.findall(r'"([^"]*)"', call[2])[:1]]
                calls.add((call[1], *named))
        trace.unlink()
    return calls


@pytest.fixture(scope="module")
def stock(folder):
    return traced(folder, NO_PLUGINS)


def added(folder, stock, *options):
    """What tshark does with the plugin only, but for looking for plugins and loading this one."""
    plugins = str(folder / "plugins")
    calls = traced(folder, folder / "plugins", *options)
    # It was loaded, and the trace saw that.
    assert any(call[-1].endswith("/epan/lt_donthave.so") for call in calls)
    # 4.6 looks whether there is the user's own folder once it has found plugins in another.
    looks = re.compile(r"/nonexistent/\.local/lib/wireshark/plugins/\d+\.\d+")
    return {call for call in calls - stock if not (len(call) > 1 and (
        call[1].startswith(plugins) or "stat" in call[0] and looks.fullmatch(call[1])))}


def test_opens_no_file_and_no_socket(folder, stock):
    assert added(folder, stock) == set()


def test_opens_the_key_log_alone(folder, stock):
    """And that only if its user names it."""
    if "bt.peer.mse_keylog_file" not in output(*as_nobody("/nonexistent", folder / "plugins"), "tshark", "-G", "defaultprefs"):
        pytest.skip("this plugin has no preference bt.peer.mse_keylog_file")
    calls = added(folder, stock, "-o", f"bt.peer.mse_keylog_file:{folder / 'keys'}")
    assert {call[1] for call in calls} == {str(folder / "keys")}


def test_the_test_sees_files_and_sockets(folder):
    """A program that opens a file and a socket is seen."""
    trace = folder / "traces" / "own"
    code = "import socket; open('/etc/hostname').close(); socket.socket().close()"
    subprocess.run(["strace", "-f", "-qq", "-e", "trace=%file,%network", "-o", trace, "/usr/bin/python3", "-c", code], check=True)
    text = trace.read_text()
    assert '"/etc/hostname"' in text and "socket(" in text
