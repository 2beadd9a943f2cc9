"""tests/fuzz/mutate_captures: captures with changed bytes do no harm, and the script sees it where they do.

Twenty seeds of all captures: test_mutated_all.py.
"""

import importlib.machinery
import os
import shutil
import subprocess
import sys
import types

import pytest

from many import contents, packets
from tshark import BUILD, ROOT, wireshark_version

FUZZ = ROOT / "tests" / "fuzz"
MUTATE = FUZZ / "mutate_captures"
CAPTURES = ["npm_nofast.pcapng.gz", "libtorrent_utp_trixie.pcapng.gz", "synthetic/story-late.pcap",
            "synthetic/story-holes-utp.pcap"]
ENCRYPTED = ["encrypted/mse_rc4_tcp.pcapng.gz", "webrtc/werift_cut.pcapng.gz"]
WEBRTC = ROOT / "captures" / "webrtc"

# Stand in for a tshark: whose plugin has a bug; which has one with large files, and with its plugin with the small ones, too.
BEGIN = """#!/bin/sh
case "$*" in *"-G protocols"*) printf 'x\\tx\\tbt.donthave\\n'; exit;; esac
bug() { echo 'Dissector bug in packet 1' >&2; exit 3; }
"""
BROKEN = BEGIN + """
[ "$WIRESHARK_PLUGIN_DIR" = /nonexistent ] || bug
"""
BOTH_BROKEN = BEGIN + """
for path; do :; done
[ "$(stat -c %s "$path")" -lt 60000 ] || bug
[ "$WIRESHARK_PLUGIN_DIR" = /nonexistent ] || bug
"""

sys.path.append(str(FUZZ))

import changed_dtls  # noqa: E402


def mutate(*arguments, **environment):
    return subprocess.run(["/usr/bin/python3", MUTATE, *arguments], capture_output=True, text=True, timeout=500,
                          env=os.environ | {"BT_DONTHAVE_BUILD": str(BUILD)} | environment)


def test_few_seeds():
    done = mutate("--seeds", "2", *(ROOT / "captures" / name for name in CAPTURES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("4 captures, 2 seeds: 8 pairs in 8 files, 16 runs, 0 failures")


def test_few_seeds_joined():
    """Encrypted ones too; a second file for DTLS."""
    done = mutate("--joined", "--seeds", "2", *(ROOT / "captures" / name for name in [*CAPTURES, *ENCRYPTED]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 captures, 2 seeds: 12 pairs in 6 files, 12 runs, 0 failures")


def test_few_seeds_share_the_captures():
    """Three seeds take all of them, and begin again; a second file for DTLS where the one capture that has it is among them."""
    done = mutate("--share", "3", "--seeds", "5", *(ROOT / "captures" / name for name in [*CAPTURES, *ENCRYPTED]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 captures, 5 seeds: 9 pairs in 4 files, 8 runs, 0 failures")


def test_shares_are_made_of_whole_captures(tmp_path):
    """Each capture is in one of the shares, at the frame that is told, and all are in what is put together of the shares."""
    script = types.ModuleType("mutate_captures")
    importlib.machinery.SourceFileLoader("mutate_captures", str(MUTATE)).exec_module(script)
    chosen = sorted((ROOT / "captures" / "synthetic").glob("story-*.pcap"))[:8]
    source, = script.joined(chosen, tmp_path)
    shares = source.split(3)
    assert [share.members for share in shares] == [chosen[0::3], chosen[1::3], chosen[2::3]]

    def lengths(path):
        return [len(packet) for *_, packet in packets(contents(path))]

    for share in shares:
        frames = lengths(share.path)
        assert [frames[first - 1:end - 1] for first, end in zip(share.firsts, share.firsts[1:])] == list(map(lengths, share.members))
    script.put_together([share.path for share in shares], tmp_path / "together.pcapng")
    together = [packet for *_, packet in packets(contents(tmp_path / "together.pcapng"))]
    assert sorted(together) == sorted(packet for *_, packet in packets(contents(source.path)))
    assert source.split(9)[8] is None, "there are but eight captures"


@pytest.mark.parametrize("name", ["firefox_dtls12", "firefox_dtls13", "werift_cut"])
def test_changed_dtls_is_decrypted(name, staging, one_pass, tmp_path):
    """As it was where nothing is changed; else its packets have other bytes, and are SCTP as before."""
    capture, target = WEBRTC / f"{name}.pcapng.gz", staging.folder / f"changed-{name}.pcapng"
    keys = (WEBRTC / f"{name}.keys").read_text()

    def changed(share):
        assert changed_dtls.write_changed(capture, keys, 1, share, target) > 100
        target.chmod(0o644)
        return [packet for *_, packet in packets(target.read_bytes())]

    recorded = changed(0)
    assert recorded == [packet for *_, packet in packets(contents(capture))]
    decrypted = "-o", f"tls.keylog_file:{staging.readable(WEBRTC / f'{name}.keys')}", "-Y", "sctp"
    before = one_pass.read(target, *decrypted).count("\n")
    assert [len(packet) for packet in changed(0.002)] == [len(packet) for packet in recorded]
    assert changed(0.002) != recorded
    if name != "firefox_dtls13" or wireshark_version() >= (4, 4):
        assert one_pass.read(target, *decrypted).count("\n") > before / 4 > 10


@pytest.fixture
def broken(stand_in):
    """Environment in which tshark is another program."""
    yield lambda script: {"PATH": f"{stand_in('tshark', script)}:{os.environ['PATH']}"}
    shutil.rmtree(BUILD / "mutated", ignore_errors=True)


def test_the_test_sees_a_bug(broken):
    done = mutate("--seeds", "1", ROOT / "captures" / CAPTURES[0], **broken(BROKEN))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"--seeds 1 --first 1 {ROOT / 'captures' / CAPTURES[0]}" in done.stdout
    assert "exit code 3, stock 0" in done.stdout
    assert "Dissector bug in packet 1" in done.stdout


@pytest.mark.parametrize("options, seeds, parts", [(["--joined"], 1, 4), (["--share", "3"], 3, 3)])
def test_a_bug_of_stock_hides_none_in_joined_captures(options, seeds, parts, broken):
    """Where stock fails with a joined file, its parts are read by themselves: halves, and so on, until the large capture is alone."""
    small = sorted((ROOT / "captures" / "synthetic").glob("*.pcap"), key=lambda path: path.stat().st_size)[:8]
    large = ROOT / "captures" / CAPTURES[0]
    done = mutate(*options, "--seeds", str(seeds), "--jobs", "1", *small, large, **broken(BOTH_BROKEN))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "exit code 3, stock 0" in done.stdout
    assert f" {' '.join(options)} --seeds {seeds} --first 1 {ROOT}" in done.stdout
    assert f"{seeds} seeds: 9 pairs in 1 files, 2 runs, {2 * parts} failures (2 that stock has, too)" in done.stdout
