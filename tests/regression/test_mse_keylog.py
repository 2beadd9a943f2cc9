"""The key log of encrypted connections (MSE): what of it is read, and when.

What the lines may look like is the matter of tests/unit/test_mse_keylog.c; here is what becomes of the file.
"""

import json
import subprocess

import encrypted
import pytest
from mse_wire import Choices, Wire

from capture import build
from many import find
from tshark import Tshark

CAPTURE = "mse-rc4-handshake"
HANDSHAKE = 5       # frames; the key is looked for in the next one
BOTH_PIECES = ["5", "9"]
MARK = "\N{BYTE ORDER MARK}"

build(f"{CAPTURE}.pcap")
MADE, = encrypted.WIRES["rc4-handshake"].values()
OTHER = Wire("another", Choices())


def packets():
    """The file up to and with the frame HANDSHAKE, and what follows."""
    data = find(CAPTURE).read_bytes()
    at = 24
    for _ in range(HANDSHAKE):
        at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
    return data[:at], data[at:]


def write(log, text):
    log.write_text(text, encoding="utf-8")
    log.chmod(0o644)


def replace(log, text):
    """By another file."""
    new = log.with_suffix(".new")
    write(new, text)
    new.replace(log)


def append(log, text):
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture
def log(request, staging):
    path = staging.folder / f"{abs(hash(request.node.name))}.keys"
    yield path
    if path.exists():
        path.unlink()


def options(log):
    return ["-o", f"bt.peer.mse_keylog_file:{log}", "-T", "fields", "-e", "bt.donthave.piece_index"]


def pieces(printed):
    return [line for line in printed.splitlines() if line]


def live(staging, log, change):
    """What tshark prints of a capture that goes on when the log has changed, and what it says of it."""
    before, after = packets()
    runner = Tshark(staging)
    with subprocess.Popen(runner.command(["-r", "-", "-l", *options(log)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as tshark:
        tshark.stdin.write(before)
        tshark.stdin.flush()
        for _ in range(HANDSHAKE):
            assert tshark.stdout.readline() == b"\n"
        change(log)
        printed, said = tshark.communicate(after)
    return pieces(printed.decode()), said.decode()


def at_once(tshark, log):
    done = subprocess.run(tshark.command(tshark.arguments(CAPTURE, *options(log))), capture_output=True, text=True, check=True)
    return pieces(done.stdout), done.stderr


# --- while it is read ---

# What the log has at first, how it changes after frame 5, and what that gives.
CHANGES = {
    "grows within a line": (MADE.key[:100], lambda log: append(log, MADE.key[100:])),
    "grows within the digits of a byte": (MADE.key[:101], lambda log: append(log, MADE.key[101:])),
    "grows within a byte order mark": ("", lambda log: write(log, MARK + MADE.key)),
    "grows by what has no newline": ("", lambda log: append(log, MADE.key.strip())),
    "grows by more than is read at once": ("", lambda log: append(log, "# nothing\n" * 10_000 + MADE.key)),
    "is replaced by one of the same size": (OTHER.key, lambda log: replace(log, MADE.key)),
    "is replaced by a longer one": (OTHER.key, lambda log: replace(log, MADE.key + OTHER.key)),
    "is replaced by a shorter one": (OTHER.key * 2, lambda log: replace(log, MADE.key)),
    "is cut and written anew": ("# longer\n" * 100, lambda log: write(log, MADE.key)),
    "loses a part of a line": (MADE.key + OTHER.key[:150], lambda log: write(log, OTHER.key)),
    "is removed": (MADE.key, lambda log: log.unlink()),
}


@pytest.mark.parametrize("how", CHANGES)
def test_changes(staging, log, how):
    """What is new is read, whatever is new; and no key is forgotten that was in it once."""
    first, change = CHANGES[how]
    write(log, first)
    found, said = live(staging, log, change)
    assert found == BOTH_PIECES
    assert "bad line" not in said


def test_begins_as_a_folder(staging, log):
    """Told once, and read when it is a file."""
    log.mkdir()

    def change(log):
        log.rmdir()
        write(log, MADE.key)
    found, said = live(staging, log, change)
    assert found == BOTH_PIECES
    assert said.count(str(log)) == 1


# --- of one capture after the other ---

def opened_in_turn(staging, log, names):
    """What one Wireshark (sharkd) finds in captures that it opens one after the other, and what it says."""
    command = Tshark(staging).command(["-"])
    command[command.index("tshark")] = "sharkd"
    asked = [("setconf", {"name": "bt.peer.mse_keylog_file", "value": str(log)})]
    for name in names:
        asked += [("load", {"file": str(staging.readable(find(name)))}), ("frames", {"filter": "bt.donthave"})]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
             for number, (method, parameters) in enumerate(asked, 1)]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
    return [len(answers[number]) for number in range(3, len(asked) + 1, 2)], done.stderr


def test_read_for_each_capture(staging, log):
    """From its start, though nothing of it is new; and its bad lines are told for each."""
    write(log, "MSE nonsense\n" + MADE.key)
    found, said = opened_in_turn(staging, log, [CAPTURE, "clean-fast", CAPTURE])
    assert found[0] == found[2] == len(BOTH_PIECES)
    assert told_of_lines(said) == ["1 bad line skipped, 0 beyond the limit of keys"] * 3


# --- what is told ---

def told_of_lines(said):
    return [line.rpartition(": ")[2] for line in said.splitlines() if "bad line" in line]


@pytest.mark.parametrize("text, told", [
    (MADE.key, []),
    ("MSE\n" + MADE.key, ["1 bad line skipped, 0 beyond the limit of keys"]),
    (MARK + "MSE 00\nMSE 11\n" + MADE.key, ["2 bad lines skipped, 0 beyond the limit of keys"]),
    ("CLIENT_RANDOM 00 11\n\n# MSE 00\nmse 00\nMSEX\n" + MADE.key, []),
], ids=["none", "one", "two", "others"])
def test_bad_lines(one_pass, log, text, told):
    """Those that begin with the word MSE, and nothing else."""
    write(log, text)
    found, said = at_once(one_pass, log)
    assert found == BOTH_PIECES
    assert told_of_lines(said) == told


def test_bad_lines_are_told_when_there_are_more(staging, log):
    write(log, "MSE nonsense\n")
    found, said = live(staging, log, lambda log: append(log, "MSE more of it\n" + MADE.key))
    assert found == BOTH_PIECES
    assert told_of_lines(said) == ["1 bad line skipped, 0 beyond the limit of keys",
                                   "2 bad lines skipped, 0 beyond the limit of keys"]


def test_bad_lines_are_told_once(staging, log):
    """Not again, where the log grows by good ones."""
    write(log, "MSE nonsense\n")
    found, said = live(staging, log, lambda log: append(log, MADE.key))
    assert found == BOTH_PIECES
    assert told_of_lines(said) == ["1 bad line skipped, 0 beyond the limit of keys"]


def test_what_may_not_be_read_is_told(tshark, log):
    """Once, whatever the number of connections and passes."""
    write(log, MADE.key)
    log.chmod(0)
    found, said = at_once(tshark, log)
    assert found == []
    assert said.count(str(log)) == 1 and "permission" in said


def test_not_looked_at_where_nothing_is_searched(tshark, log):
    """--disable-protocol bt.mse: nothing is said of a file that does not exist."""
    command = tshark.command(tshark.arguments(CAPTURE, *options(log), "--disable-protocol", "bt.mse"))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert pieces(done.stdout) == [] and str(log) not in done.stderr
