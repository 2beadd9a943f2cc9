"""Encrypted connections (MSE), as the plugin reads them: the captures of real clients in captures/encrypted.

The truth is what the clients logged, and a decoder that knows nothing of the plugin: captures/record/mse.py.
"""

import collections
import functools
import gzip
import json
import os
import subprocess
import sys

import pytest

from tshark import ROOT

sys.path += [str(ROOT / "captures" / "record"), str(ROOT / "captures" / "generate")]

import mse
import traffic
from capture import Trace

FOLDER = ROOT / "captures" / "encrypted"
CAPTURES = sorted(FOLDER.glob("mse_*.pcapng.gz"))
DATA_SOURCE = "Decrypted BitTorrent (MSE)"


def name(capture):
    return capture.name.partition(".")[0]


def is_plaintext(capture):
    return name(capture).startswith("mse_default") or name(capture) == "mse_webtorrent"


def has_log(capture):
    return mse.beside(capture, ".log").exists()


def each(wanted=lambda capture: True):
    return pytest.mark.parametrize("capture", list(filter(wanted, CAPTURES)), ids=name)


def keys(staging, capture):
    return ["-o", f"bt.peer.mse_keylog_file:{staging.readable(mse.beside(capture, '.keys'))}"]


@functools.lru_cache(maxsize=None)      # Python takes long to decrypt
def connection_of(capture, with_keys=True):
    connection, = mse.connections(gzip.decompress(capture.read_bytes()), mse.keys_beside(capture) if with_keys else [])
    return connection


def logged(capture):
    """{(receiver, sender): [piece]}"""
    received = collections.defaultdict(list)
    for entry in map(json.loads, mse.beside(capture, ".log").read_text().splitlines()):
        if entry["event"] == "donthave":
            received[entry["address"], entry["peer"]].append(entry["piece"])
    return received


def found(tshark, capture, *options):
    rows = collections.defaultdict(list)
    for line in tshark.read(capture, *options, "-Y", "bt.donthave", "-T", "fields", "-e", "ip.src", "-e", "tcp.srcport",
                            "-e", "udp.srcport", "-e", "ip.dst", "-e", "bt.donthave.piece_index").splitlines():
        source, tcp_port, udp_port, destination, pieces = line.split("\t")
        rows[destination, f"{source}:{tcp_port or udp_port}"] += map(int, pieces.split(","))
    return rows


@each(lambda capture: has_log(capture) and is_plaintext(capture))
def test_plaintext_needs_no_key(tshark, capture):
    assert found(tshark, capture) == logged(capture)


@each(has_log)
def test_dont_haves_are_those_of_the_log(tshark, staging, capture):
    assert found(tshark, capture, *keys(staging, capture)) == logged(capture)


@each(lambda capture: has_log(capture) and name(capture).endswith("_utp"))
def test_with_the_built_in_heuristic(tshark, staging, capture):
    """The same where Wireshark's own heuristic for uTP is on, which would lead the packets to the built-in dissector."""
    assert found(tshark, capture, *keys(staging, capture), "--enable-heuristic", "bt_utp_udp") == logged(capture)


@each(lambda capture: not is_plaintext(capture))
def test_rc4_without_its_key_says_nothing(tshark, staging, capture):
    """Nor with the keys of another connection: output as without the feature. Not where LBMSRS takes such bytes and waits for
    more, see test_mse_withheld.py."""
    other = keys(staging, next(other for other in CAPTURES if other != capture))
    options = ["-V", "--disable-protocol", "lbmsrs"]
    plain = tshark.read(capture, *options)
    assert plain == tshark.read(capture, *options, *other) == tshark.read(capture, *options, "--disable-protocol", "bt.mse")
    assert "BitTorrent" not in plain.replace("BitTorrent Tracker", "")


# TCP's reassembly shows every message, as it does in plain connections.
@each(lambda capture: "utp" not in name(capture))
def test_every_message_has_a_row_of_the_built_in_dissector(tshark, staging, capture):
    shown = tshark.read(capture, *keys(staging, capture), "-Y", "bittorrent", "-T", "fields", "-e", "bittorrent.msg.type")
    connection = connection_of(capture)
    sides = (connection.a, connection.b), (connection.b, connection.a)
    plain = [connection.ia + connection.plain[sides[0]] if not connection.plain[sides[0]].startswith(mse.PROTOCOL)
             and not connection.ia == b"" else connection.plain[sides[0]], connection.plain[sides[1]]]
    types = collections.Counter(kind for stream in plain for kind in message_types(stream))
    assert collections.Counter(value for line in shown.split() for value in line.split(",")) == types


def message_types(stream):
    """The ids of all messages after the handshake."""
    at = 68
    assert stream.startswith(mse.PROTOCOL)
    while at < len(stream):
        length = int.from_bytes(stream[at:at + 4], "big")
        if length:
            yield str(stream[at + 4])
        at += 4 + length


@each()
def test_fields(tshark, staging, capture):
    """The public keys, and with a key what it opens; frames of the handshake only.

    In one pass, plaintext that begins a packet is found when all packets of the handshake are over."""
    options = keys(staging, capture) if not is_plaintext(capture) else ()
    rows = tshark.read(capture, *options, "-Y", "bt.mse", "-T", "fields", "-e", "bt.mse.method", "-e", "bt.mse.req1",
                       "-e", "bt.mse.info_hash", "-e", "bt.mse.ia_length", "-e", "bt.mse.crypto_select",
                       "-e", "bt.mse.public_key").splitlines()
    if not rows and is_plaintext(capture) and not tshark.two_passes:
        return
    methods, *rest = zip(*(row.split("\t") for row in rows))
    connection = connection_of(capture)
    assert 0 < len(rows) <= 8
    assert set(methods) - {""} == {"1" if is_plaintext(capture) else "2"}
    if tshark.two_passes:
        assert "" not in methods
        assert {key for key in rest[4] if len(key) == 192} == {
            bytes(connection.streams[side].bytes[:96]).hex() for side in connection.streams}
    if options:
        assert {value for value in rest[1] if value} == {connection.info_hash.hex()}
        assert {int(value) for value in rest[2] if value} == {len(connection.ia)}
        assert {int(value, 16) for value in rest[3] if value} == {2}


@each(lambda capture: is_plaintext(capture))
def test_payload_in(two_passes, capture):
    """Where the payload of a direction begins, as the independent reader has it."""
    rows = two_passes.read(capture, "-Y", "bt.mse", "-T", "fields", "-e", "ip.src", "-e", "tcp.srcport", "-e", "udp.srcport",
                           "-e", "bt.mse.payload_in").splitlines()
    connection = connection_of(capture, with_keys=False)
    expected = {connection.streams[side].frame_at(connection.payload_at[side]) for side in connection.streams}
    assert {int(row.split("\t")[3]) for row in rows} == expected


@each(lambda capture: is_plaintext(capture) and has_log(capture))
def test_no_data_source_where_nothing_is_decrypted(tshark, capture):
    assert DATA_SOURCE not in tshark.read(capture, "-x", "-Y", "bittorrent")


@each(lambda capture: not is_plaintext(capture))
def test_data_source(tshark, staging, capture):
    """The decrypted bytes of a frame, under the name that the README has: the handshakes among them."""
    printed = tshark.read(capture, *keys(staging, capture), "-x", "-Y", "bittorrent.protocol.name")
    assert printed.count(DATA_SOURCE) >= 2
    assert printed.count("13 42 69 74 54 6f 72 72 65 6e 74 20 70 72 6f 74") >= 2


@each(lambda capture: not is_plaintext(capture) and "tcp" in name(capture))
def test_following_stays_raw(tshark, staging, capture):
    followed = ["-q", "-z", "follow,tcp,raw,0"]
    assert tshark.read(capture, *keys(staging, capture), *followed) == tshark.stock(capture, *followed)


@each(lambda capture: name(capture) == "mse_default_delay")
def test_switched_off(tshark, capture):
    """--disable-protocol bt.mse: what was found without the feature, that is nothing where the handshake is within a segment."""
    off = ["--disable-protocol", "bt.mse"]
    assert tshark.read(capture, *off, "-Y", "bt.donthave || bt.mse || bittorrent") == ""
    assert tshark.read(capture, *off, "-V") == tshark.stock(capture, "-V")


@each(lambda capture: name(capture) == "mse_rc4_tcp")
def test_bad_lines_are_skipped_and_counted(one_pass, staging, tmp_path, capture):
    good = mse.beside(capture, ".keys").read_text()
    log = staging.folder / "bad.keys"
    log.write_text("# comment\nMSE nonsense\nCLIENT_RANDOM 00 11\nMSE " + "0" * 192 + "\n" + good)
    log.chmod(0o644)
    options = ["-o", f"bt.peer.mse_keylog_file:{log}"]
    assert found(one_pass, capture, *options) == logged(capture)
    command = one_pass.command(one_pass.arguments(capture, *options))
    assert "2 bad lines skipped" in subprocess.run(command, capture_output=True, text=True, check=True).stderr


@each(lambda capture: name(capture) == "mse_rc4_tcp")
def test_a_missing_file_is_told_once(tshark, staging, capture):
    """As Wireshark tells it of any file; and nothing else changes."""
    missing = staging.folder / "missing.keys"
    options = ["-o", f"bt.peer.mse_keylog_file:{missing}"]
    command = tshark.command(tshark.arguments(capture, *options))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count(str(missing)) == 1 and "exist" in done.stderr
    assert done.stdout == tshark.read(capture)


@each(lambda capture: name(capture) == "mse_rc4_tcp")
@pytest.mark.parametrize("kind, told", [("folder", "is a directory"), ("pipe", "could not be opened")])
def test_what_is_no_file_is_not_read(one_pass, staging, capture, kind, told):
    """A pipe must not keep tshark waiting."""
    log = staging.folder / f"{kind}.keys"
    if not log.exists():
        log.mkdir() if kind == "folder" else os.mkfifo(log)
        log.chmod(0o755)
    command = one_pass.command(one_pass.arguments(capture, "-o", f"bt.peer.mse_keylog_file:{log}"))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count(str(log)) == 1 and told in done.stderr
    assert done.stdout == one_pass.read(capture)


def unreadable(tshark, capture, *options):
    printed = tshark.read(capture, *options, "-q", "-z", "bt.mse,unreadable")
    return dict(line.split("\t")[1:] for line in printed.splitlines() if line.startswith("unreadable\t"))


@each()
def test_connections_that_could_not_be_read_are_counted(tshark, staging, capture):
    carrier = "utp" if "utp" in name(capture) else "tcp"
    none = {"tcp": "0", "utp": "0"}
    assert unreadable(tshark, capture, *keys(staging, capture)) == none
    assert unreadable(tshark, capture) == (none if is_plaintext(capture) else none | {carrier: "1"})


def test_those_that_were_given_up_are_counted(one_pass, written):
    """More of them than are kept. Half of the connections are of UDP, and not of uTP; and the port of one is RTPproxy's in
    Wireshark 4.0."""
    trace = Trace()
    traffic.unknown_connections(trace, connections=2 * 4_300)
    counted = unreadable(one_pass, written(trace))
    assert counted["utp"] == "0" and counted["tcp"] in ("4299", "4300")
