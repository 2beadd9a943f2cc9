"""tools/decode: what it prints of committed captures, to the letter; private captures; what it says where there is nothing."""

import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from capture import Trace
from peer_wire import dont_have, have, request
from session import TO_LEECHER, begin
from tshark import NOBODY, PLUGINS, ROOT, Staging

sys.path.insert(0, str(ROOT / "tools" / "report"))

import text  # noqa: E402

DECODE = ROOT / "tools" / "decode"
REPORT = [sys.executable, str(ROOT / "tools" / "report")]
SHORT = ROOT / "captures" / "webtorrent_short.pcapng.gz"
RED = "\033[31m"

TEXT = """\
frame 147  0.070895 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 2: 4 requests invalidated (65536 bytes), 4 rejected, 0 never
    requested in 105 129 131 133: 0+16384, 16384+16384, 32768+16384, 49152+16384; rejected in 149
frame 149  0.074329 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 2: no request outstanding
    redundant
frame 149  0.074329 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 2: no request outstanding
    redundant
frame 149  0.074329 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 2: no request outstanding
    redundant
frame 149  0.074329 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 3: 2 requests invalidated (32768 bytes), 2 rejected, 0 never
    requested in 133 148: 0+16384, 16384+16384; rejected in 149 151
  ! asked again in 150: 32768+16384
frame 151  0.074486 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 3: 1 request invalidated (16384 bytes), 1 rejected, 0 never
    requested in 150: 32768+16384; rejected in 153
  ! asked again in 152: 49152+16384
    redundant
frame 153  0.074605 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 3: 1 request invalidated (16384 bytes), 1 rejected, 0 never
    requested in 152: 49152+16384; rejected in 155
    redundant
frame 155  0.074744 s  127.0.0.1:34099 -> 127.0.0.1:58778  DontHave piece 3: no request outstanding
    redundant

127.0.0.1:34099 -> 127.0.0.1:58778: 8 requests invalidated, all rejected; 2 requests for piece 3 after it was disowned; \
DontHave for a piece that its sender had not advertised, or had disowned (6)
"""

USERS = ["root", "another user"] if os.geteuid() == 0 else ["this user"]


@pytest.fixture(scope="module")
def folder():
    """Where the report keeps what it copies; of root, one that tshark's user may enter, as tools/decode makes it."""
    staging = Staging()
    (staging.folder / "home").mkdir(mode=0o777)
    (staging.folder / "home").chmod(0o777)
    yield staging
    staging.remove()


def report(folder, *arguments, form="text", user="root", stdin=subprocess.DEVNULL, status=0):
    """What the report prints, and what it says."""
    become = NOBODY if user == "another user" else []
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run([*become, *REPORT, form, str(folder.readable(PLUGINS)), str(folder.folder),
                           *map(str, arguments)], stdin=stdin, capture_output=True, env=environment, timeout=120)
    said = done.stderr.decode()
    assert done.returncode == status, said
    progress = "bytes read"             # on a slow machine
    return done.stdout.decode(), "".join(line for line in said.splitlines(True) if progress not in line)


@pytest.mark.parametrize("user", USERS)
def test_report(folder, user):
    """Each DontHave with its two ends, what it invalidated, what was asked again, and the connection in words."""
    assert report(folder, SHORT, user=user) == (TEXT, "")


def test_two_passes_say_the_same(folder):
    """What only the future tells is known at the end of one pass."""
    assert report(folder, SHORT, "--", "-2") == (TEXT, "")


# --- where TCP keeps segments from dissectors ---


@pytest.fixture
def lossy(written):
    """On one connection a segment before the DontHaves is not in the capture; on the other one, two DontHaves change places."""
    trace = Trace()
    losing = begin(trace, leecher=("10.0.0.1", 40001))
    losing.seed.skip(have(1))
    losing.leecher.send(request(5))
    losing.seed.send(dont_have(TO_LEECHER, 5))
    losing.leecher.send(request(6))
    losing.seed.send(dont_have(TO_LEECHER, 6))
    turning = begin(trace, leecher=("10.0.0.1", 40002))
    frame = turning.seed.send(dont_have(TO_LEECHER, 2))
    turning.seed.send(dont_have(TO_LEECHER, 3))
    trace.swap(frame, frame + 1)
    return written(trace)


LOSING, TURNING = (f"10.0.0.2:27000 -> 10.0.0.1:{port}" for port in (40001, 40002))


def test_segments_that_are_missing_and_segments_out_of_order(folder, lossy):
    """Neither way in which Wireshark can hand segments over has all: each connection is shown as it has more."""
    printed, said = report(folder, lossy)
    assert said == ""
    assert [line.split("  ")[2:] for line in printed.splitlines() if line.startswith("frame")] == [
        [LOSING, "DontHave piece 5: 1 request invalidated (16384 bytes), dropped without Fast"],
        [LOSING, "DontHave piece 6: 1 request invalidated (16384 bytes), dropped without Fast"],
        [TURNING, "DontHave piece 2: no request outstanding"],
        [TURNING, "DontHave piece 3: no request outstanding"]]
    assert printed.partition("\n\n")[2].splitlines() == [f"{LOSING}: 2 requests invalidated, dropped without Fast",
                                                         f"{TURNING}: 2 DontHaves, no request invalidated"]


def lacks(name):
    return (f"tools/decode: {name} lacks TCP segments, or parts of them, and Wireshark hands over nothing that follows them on "
            "a connection; given as a file, it is read a second time, as the segments come\n")


def test_missing_segments_in_a_pipe(folder, lossy):
    """It cannot be read twice."""
    with open(lossy, "rb") as pipe:
        printed, said = report(folder, "-", stdin=pipe)
    assert LOSING not in printed and TURNING in printed
    assert said == lacks("standard input")


@pytest.mark.parametrize("says_donthave", (True, False))
def test_a_pipe_with_a_name(folder, lossy, written, tmp_path, says_donthave):
    """It cannot be read twice either, not even where nothing is found in it."""
    trace = Trace()
    begin(trace)
    capture = lossy if says_donthave else written(trace)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'exec cat "$1" >"$2"', "sh", capture, pipe]):
        printed, said = report(folder, pipe)
    assert (TURNING in printed) == says_donthave
    assert said == (lacks(pipe) if says_donthave else f"tools/decode: no DontHave message in {pipe}\n")


CUT_SHORT = ROOT / "captures" / "synthetic" / "framing-snaplen.pcap"


def test_segments_that_are_cut_short_in_a_pipe(folder):
    """Read in order, nothing after the first one of them comes."""
    with open(CUT_SHORT, "rb") as pipe:
        printed, said = report(folder, "-", stdin=pipe)
    assert printed == "" and said.startswith(lacks("standard input"))


def test_segments_that_are_cut_short(folder):
    printed, said = report(folder, CUT_SHORT)
    assert said == ""
    assert re.findall(r"DontHave piece (\d+)", printed) == ["1", "2", "3", "4", "5", "7"]


def test_never_rejected_is_marked(folder):
    printed, _ = report(folder, ROOT / "captures" / "synthetic" / "anomaly-unrejected.pcap")
    marked = [line for line in printed.splitlines() if line.startswith("  ! never rejected")]
    assert marked == ["  ! never rejected: requested in 9, 0+16384"]
    assert "2 requests invalidated (32768 bytes), 1 rejected, 1 never" in printed
    assert printed.splitlines()[-1].endswith(": 2 requests invalidated, 1 rejected, 1 never rejected")


def test_the_worst_connection_is_first(folder):
    """By Errors, then Warns, then the rest: one that asks in vain comes before one whose Requests only crossed."""
    printed, _ = report(folder, ROOT / "captures" / "synthetic" / "story-late.pcap")
    in_vain, crossed_only = [], []
    for number, line in enumerate(printed.partition("\n\n")[2].splitlines()):
        asked = re.search(r"(\d+) requests? for piece \d+ after it was disowned(?: \((\d+) crossed)?", line)
        if asked:
            (crossed_only if asked[1] == asked[2] else in_vain).append(number)
    assert in_vain and crossed_only and max(in_vain) < min(crossed_only), printed


def test_json(folder):
    """An object for each DontHave, one a line."""
    printed, _ = report(folder, SHORT, form="json")
    donthaves = [json.loads(line) for line in printed.splitlines()]
    assert [donthave["frame"] for donthave in donthaves] == [147, 149, 149, 149, 149, 151, 153, 155]
    first, fifth = donthaves[0], donthaves[4]
    assert {key: first[key] for key in ("sender", "receiver", "piece", "id", "fast", "requests", "bytes", "rejected",
                                        "never_rejected", "findings")} == {
        "sender": "127.0.0.1:34099", "receiver": "127.0.0.1:58778", "piece": 2, "id": 2, "fast": True, "requests": 4,
        "bytes": 65536, "rejected": 4, "never_rejected": 0, "findings": []}
    assert [request["requested_in"] for request in first["invalidated"]] == [105, 129, 131, 133]
    assert fifth["asked_again"] == [{"begin": 32768, "length": 16384, "requested_in": 150, "invalidated_in": 151,
                                     "rejected_in": 153, "asked_again": None, "crossed": False}]


def test_csv(folder):
    """A row for each invalidated or late request; what is absent is empty."""
    printed, _ = report(folder, ROOT / "captures" / "synthetic" / "anomaly-rerequest.pcap", form="csv")
    assert printed.splitlines() == [
        "connection,piece,begin,length,requested_in,invalidated_in,rejected_in,asked_again",
        "10.54.188.249:40000 -> 10.55.188.249:27000,5,0,16384,9,10,,11",
        "10.54.188.249:40000 -> 10.55.188.249:27000,5,0,16384,11,,12,",
    ]


def test_csv_of_several_captures_says_which(folder):
    npm = ROOT / "captures" / "npm_fast.pcapng.gz"
    rows = list(csv.DictReader(io.StringIO(report(folder, SHORT, npm, form="csv")[0])))
    assert [row["capture"] for row in rows] == [str(SHORT)] * 8 + [str(npm)] * 6


def test_color_on_a_terminal_only(folder):
    """None in a pipe; on a terminal, what is wrong is red."""
    assert "\033" not in report(folder, SHORT)[0]
    rows = {**{column: 0 for column in ("Frame", "Time", "Requests", "Bytes", "Rejected", "Never rejected")}, "Fast": "yes",
            "Sender": "a", "Receiver": "b", "Piece": 5, "Findings": None, "invalidated": [],
            "again": [{"Requested in": 150, "Begin": 0, "Length": 1, "Crossed": "no"}]}
    assert list(text.lines([rows], [], use_color=True))[1] == f"{RED}  ! asked again in 150: 0+1\033[0m"
    assert list(text.lines([rows], [], use_color=False))[1] == "  ! asked again in 150: 0+1"
    if os.path.exists("/dev/pts/ptmx"):     # a bare chroot has no terminals
        command = " ".join([*REPORT, "text", str(folder.readable(PLUGINS)), str(folder.folder), str(SHORT)])
        shown = subprocess.run(["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=120).stdout.decode()
        assert f"{RED}  ! asked again in 150" in shown


def private(folder, capture=SHORT):
    """A copy of the capture that only its owner may read."""
    path = folder.folder / "private.pcapng.gz"
    if not path.exists():
        shutil.copyfile(capture, path)
    path.chmod(0o600)
    return path


def test_private_capture(folder):
    """It is not copied: the folder for copies may not even be written to."""
    before = sorted(folder.folder.rglob("*"))
    path = private(folder)
    assert report(folder, path)[0] == TEXT
    assert [found for found in sorted(folder.folder.rglob("*")) if found not in before and found != path] == []


def test_private_capture_in_two_passes(folder):
    """Where tshark must seek it gets a copy, which nobody else may read."""
    assert report(folder, private(folder), "--", "-2")[0] == TEXT
    if os.geteuid() == 0:
        assert (folder.folder / "capture").stat().st_mode & 0o077 == 0


def test_standard_input(folder):
    with open(private(folder), "rb") as capture:
        assert report(folder, "-", stdin=capture)[0] == TEXT
    piped = subprocess.Popen(["cat", str(SHORT)], stdout=subprocess.PIPE)
    assert report(folder, "-", stdin=piped.stdout)[0] == TEXT
    piped.wait()


def test_progress(folder):
    """After two seconds, how many bytes of all were read; here by a tshark that is slow."""
    slow = folder.folder / "slow"
    slow.mkdir()
    (slow / "tshark").write_text('#!/bin/sh\nexec 3<"$2"\nhead -c 1000 <&3 >/dev/null\nsleep 3\n')
    (slow / "tshark").chmod(0o755)
    done = subprocess.run([*REPORT, "csv", str(folder.readable(PLUGINS)), str(folder.folder), str(SHORT)],
                          env={**os.environ, "PATH": f"{slow}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"},
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert f"{SHORT}: 1,000 of {SHORT.stat().st_size:,} bytes read\n" in done.stderr.decode()


def gui(staging, *arguments, **environment):
    """What --gui does: in place of Wireshark the same options start tshark, which takes the profile and plugins likewise."""
    programs = staging.folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "wireshark").write_text('#!/bin/sh\nexec tshark "$@"\n')
    for path in (programs, programs / "wireshark"):
        path.chmod(0o755)
    keep = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run([sys.executable, ROOT / "tools" / "report" / "gui.py", staging.readable(PLUGINS), staging.folder,
                           *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, text=True,
                          env=keep | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"} | environment)


@pytest.fixture
def empty_folder():
    staging = Staging()
    (staging.folder / "home").mkdir(mode=0o777)
    (staging.folder / "home").chmod(0o777)
    yield staging
    staging.remove()


def test_gui(empty_folder):
    """It opens the capture, also one that is the user's alone, with the plugin, the profile's columns and colours."""
    capture = empty_folder.folder / "private.pcapng.gz"
    shutil.copyfile(SHORT, capture)
    capture.chmod(0o600)
    done = gui(empty_folder, capture, "--", "--color", "-Y", "bt.donthave", "-T", "fields", "-e", "frame.number", "-e",
               "frame.coloring_rule.name", "-e", "_ws.col.Info", DISPLAY=":0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split("\t") == ["147", "DontHave: note", "DontHave Piece=2 (4 requests)"]


def test_gui_without_a_display(empty_folder):
    done = gui(empty_folder, SHORT)
    assert done.returncode == 1
    assert done.stderr == "tools/decode: there is no display for Wireshark (neither DISPLAY nor WAYLAND_DISPLAY is set)\n"


def test_filter_of_the_user(folder):
    """It is passed on: the packets that pass it, as tshark prints them."""
    printed, said = report(folder, ROOT / "captures" / "webtorrent_leecher.pcapng.gz", "--", "-2", "-Y",
                           "bt.donthave.request")
    assert len(printed.splitlines()) == 45 and said == ""


def test_fields_of_the_user(folder):
    printed, _ = report(folder, SHORT, "--", "-T", "fields", "-e", "frame.number")
    assert printed.split() == ["147", "149", "151", "153", "155"]


def test_statistics_of_the_user(folder):
    printed, said = report(folder, SHORT, "--", "-q", "-z", "bt.donthave,summary")
    assert "8 requests invalidated, all rejected" in printed and said == ""


def test_empty_results(folder):
    """What is said is true: no packet passes the filter, or there is no DontHave."""
    assert report(folder, SHORT, "--", "-Y", "dns") == \
        ("", f"tools/decode: no packet in {SHORT} passes the display filter dns\n")
    # A Request is known to be invalidated once the DontHave was read.
    where = "bt.donthave.request"
    assert report(folder, SHORT, "--", "-Y", where)[1] == \
        f"tools/decode: no packet in {SHORT} passes the display filter {where} (what only a later packet tells is known with -2)\n"
    assert report(folder, SHORT, "--", "-2", "-Y", f"{where} && dns")[1] == \
        f"tools/decode: no packet in {SHORT} passes the display filter {where} && dns\n"
    clean = ROOT / "captures" / "synthetic" / "other-udp.pcap.gz"
    assert report(folder, clean)[1].startswith(f"tools/decode: no DontHave message in {clean}")


def test_webrtc_without_keys(folder):
    """Connections over DTLS are among those that could not be read, each pair of ports once; with the keys they are read."""
    capture = ROOT / "captures" / "webrtc" / "werift_channels.pcapng.gz"
    keys = ["--", "-o", f"tls.keylog_file:{capture.with_name('werift_channels.keys')}"]
    assert "connections that could not be read: 1 over DTLS" in report(folder, capture)[1]
    printed, said = report(folder, capture, *keys)
    assert "DontHave piece" in printed and "could not be read" not in said


@pytest.mark.parametrize("content, words", [
    (b"no capture at all", "is not a capture file that tshark understands"),
    (b'{"some": "JSON"}', "is not a capture file, tshark only knows its format"),
])
def test_no_capture(folder, content, words):
    path = folder.folder / "other"
    path.write_bytes(content)
    path.chmod(0o644)
    assert words in report(folder, path, status=1)[1]


def test_cut_capture(folder):
    """What could be read is shown."""
    path = folder.folder / "cut.pcapng"
    path.write_bytes(gzip.decompress(SHORT.read_bytes())[:-30])
    path.chmod(0o644)
    printed, said = report(folder, path, status=1)
    assert printed == TEXT and said.endswith("ends in the middle of a packet; the lines above are what could be read\n")


def test_capture_cut_before_the_first_donthave(folder):
    path = folder.folder / "cut-early.pcapng"
    path.write_bytes(gzip.decompress(SHORT.read_bytes())[:20000])
    path.chmod(0o644)
    assert report(folder, path, status=1) == (
        "", f"tools/decode: {path} ends in the middle of a packet; there is no DontHave message in what is before it\n")


def test_dtls_that_cannot_be_read(folder):
    """Without keys; Wireshark 4.0 knows nothing of DTLS 1.3 but its beginning."""
    path = ROOT / "captures" / "webrtc" / "firefox_dtls13.pcapng.gz"
    assert report(folder, path)[1].startswith(f"tools/decode: no DontHave message in what can be read of {path}; "
                                              "connections that could not be read: 1 over DTLS")


@pytest.mark.parametrize("arguments, words", [
    (["--nonsense"], "unknown option --nonsense"),
    (["/nonexistent.pcap"], "no such file: /nonexistent.pcap"),
    (["/"], "/ is a folder, not a capture file"),
])
def test_wrong_arguments(arguments, words):
    done = subprocess.run([DECODE, *arguments], capture_output=True, timeout=60)
    assert done.returncode == 1 and words in done.stderr.decode()


def test_help_names_every_form():
    said = subprocess.run([DECODE, "--help"], capture_output=True, check=True, timeout=60).stdout.decode()
    assert all(option in said for option in ("--json", "--csv", "--gui", "-- TSHARK OPTION"))
