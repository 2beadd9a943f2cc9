"""Captures made to hurt: what is shown of them, that each cap is told once, and the memory that they take.

Memory is what tshark allocates with the plugin more than without it, in one pass; docs/performance.md has the bars.
"""

import os
import re
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
from mse_wire import Choices, Wire, talk

import heavy
from capture import Trace
from network import ip_in_ip_in_udp
from peer_wire import BLOCK, KEEP_ALIVE, dont_have, extended, have, message, numbers, piece, reject, request
from session import TO_LEECHER, TO_SEED, begin
from tcp import TcpConnection
from utp import UtpConnection

BOTH = pytest.mark.parametrize("connect", [TcpConnection, UtpConnection], ids=["tcp", "utp"])
MB = 1_000_000

REQUESTS_MAX = 262_144          # plugin/core/request_table.h
UTP_CONNECTIONS_MAX = 1024      # plugin/core/utp_flow.h
EXTENSION_NAMES_MAX = 256       # plugin/core/extension_ids.h
MESSAGE_MAX = 16 << 20          # plugin/core/peer_wire.h
HELD_MAX = (64 << 10) - 6       # plugin/core/peer_wire.c, without the header

# Of docs/performance.md, in bytes.
PER_REQUEST = 96
PER_NOTE = 500
PER_CONNECTION = 4_096
PER_UTP_CONNECTION = 8_000
PER_UTP_PACKET = 150
PER_KEY = 140
BITFIELD_TIMES = 3


def filled(fill, *arguments, connect=TcpConnection):
    """A trace, and what `fill` of heavy.py returns."""
    trace = Trace(connect=connect)
    return trace, fill(trace, *arguments)


Row = namedtuple("Row", "frame pieces requests limits")


def rows(tshark, path, *options):
    """The frames with a DontHave, or where a limit is told."""
    printed = tshark.read(path, *options, "-Y", "bt.donthave || bt.donthave.expert.limit", "-T", "fields", "-e", "frame.number",
                          "-e", "bt.donthave.piece_index", "-e", "bt.donthave.requests", "-e", "_ws.expert.message")

    def several(column):
        return [int(number) for number in column.split(",") if number]

    for line in printed.splitlines():
        frame, pieces, requests, said = line.split("\t")
        yield Row(int(frame), several(pieces), several(requests), re.findall(r"Limit reached: (\d+ [^;]*);", said))


def pieces_and_limits(found):
    """All pieces in their order, and all limits."""
    found = list(found)
    return [piece for row in found for piece in row.pieces], [limit for row in found for limit in row.limits]


def memory(one_pass, counter, path):
    """What the plugin adds."""
    arguments = one_pass.arguments(path)
    return counter.largest(one_pass.command(arguments)) \
        - counter.largest(one_pass.command(arguments, plugins=Path("/nonexistent")))


def test_requests_without_answer(one_pass, counter, written):
    """The oldest are forgotten: of the first piece there is none left, of the last one all."""
    trace, (first, last) = filled(heavy.requests_without_answer, 1_000_000)
    path = written(trace)
    *others, one, other = rows(one_pass, path)
    assert [row.limits for row in others] == [[f"{REQUESTS_MAX} outstanding requests"]]
    assert [one, other] == [Row(first, [0], [0], []), Row(last, [15624], [64], [])]
    assert memory(one_pass, counter, path) < PER_REQUEST * REQUESTS_MAX + MB


def test_dont_have_storm(one_pass, counter, written):
    trace, frames = filled(heavy.storm, 100_000)
    path = written(trace)
    assert pieces_and_limits(rows(one_pass, path)) == (list(range(100_000)), [])
    told = one_pass.read(path, "-Y", "bt.donthave.expert.storm", "-T", "fields", "-e", "frame.number", "-E", "occurrence=l")
    assert told.split() == [str(frames[0])]
    assert memory(one_pass, counter, path) < PER_NOTE * 100_000


def test_tcp_connections(one_pass, counter, written):
    """A hundred thousand; the memory is that of ten thousand."""
    trace, _ = filled(heavy.tcp_connections, 100_000)
    assert pieces_and_limits(rows(one_pass, written(trace))) == (list(range(100_000)), [])
    trace, _ = filled(heavy.tcp_connections, 10_000)
    assert memory(one_pass, counter, written(trace)) < PER_CONNECTION * 10_000


def test_utp_connections(one_pass, counter, written):
    """A hundred thousand on one pair of ports: none is closed, so those after the first are not followed. The
    memory is that of ten thousand."""
    trace, _ = filled(heavy.utp_connections, 100_000, connect=UtpConnection)
    found, limits = pieces_and_limits(rows(one_pass, written(trace)))
    assert found == list(range(UTP_CONNECTIONS_MAX))
    assert limits == [f"{UTP_CONNECTIONS_MAX} uTP connections on a pair of ports"]
    trace, _ = filled(heavy.utp_connections, 10_000, connect=UtpConnection)
    assert memory(one_pass, counter, written(trace)) \
        < PER_UTP_CONNECTION * UTP_CONNECTIONS_MAX + PER_UTP_PACKET * len(trace.packets)


def test_utp_connections_one_after_another(one_pass, counter, written):
    """Closed ones make room: all are read."""
    trace, _ = filled(heavy.utp_connections_closed, 10_000, connect=UtpConnection)
    path = written(trace)
    assert pieces_and_limits(rows(one_pass, path)) == (list(range(10_000)), [])
    assert memory(one_pass, counter, path) < PER_CONNECTION * 10_000 + PER_UTP_PACKET * len(trace.packets)


@BOTH
def test_extension_handshakes_of_a_mebibyte(one_pass, counter, written, connect):
    """They are read, over uTP as far as the plugin puts a message together. What TCP puts together, it keeps."""
    trace, frame = filled(heavy.large_extension_handshakes, 8, connect=connect)
    path = written(trace)
    *told, dont_have_row = rows(one_pass, path)
    assert [row.limits for row in told] == ([[f"{HELD_MAX} bytes of an extension handshake"]] if connect is UtpConnection else [])
    assert dont_have_row == Row(frame, [heavy.DISOWNED], [0], [])
    kept_by_tcp = path.stat().st_size if connect is TcpConnection else 0
    assert memory(one_pass, counter, path) < kept_by_tcp + 2 * MB


@BOTH
def test_many_names(one_pass, written, connect):
    trace, frame = filled(heavy.many_names, 60_000, connect=connect)
    told, dont_have_row = rows(one_pass, written(trace))
    assert told.limits == [f"{EXTENSION_NAMES_MAX} names of extensions"]
    assert dont_have_row == Row(frame, [heavy.DISOWNED], [0], [])


def test_bitfields(one_pass, counter, written):
    """Of 2^20 pieces on each of a thousand connections: 131 MB."""
    trace, _ = filled(heavy.large_bitfields, 1000)
    path = written(trace)
    assert pieces_and_limits(rows(one_pass, path)) == ([(1 << 20) - 1] * 1000, [])
    assert memory(one_pass, counter, path) < 1000 * (PER_CONNECTION + BITFIELD_TIMES * (1 << 20) // 8)


LAST = (1 << 32) - 1


@BOTH
def test_the_last_number(two_passes, written, connect):
    """Indices, offsets and lengths of 2^32 - 1, and their sum."""
    trace = Trace(connect=connect)
    peers = begin(trace, fast=True)
    peers.leecher.send(request(LAST, LAST, LAST), request(LAST, LAST - 1, LAST), request(LAST - 1, LAST, LAST))
    peers.seed.send(have(LAST), have(LAST - 1), dont_have(TO_LEECHER, LAST), dont_have(TO_LEECHER, LAST - 1))
    peers.seed.send(reject(LAST, LAST, LAST), piece(LAST, LAST - 1))
    peers.leecher.send(request(LAST, LAST - 2, LAST))
    path = written(trace)
    fields = [part for name in ("piece_index", "requests", "bytes", "unrejected") for part in ("-e", f"bt.donthave.{name}")]
    printed = two_passes.read(path, "-Y", "bt.donthave", "-T", "fields", *fields)
    assert printed.splitlines() == ["\t".join([f"{LAST},{LAST - 1}", "2,1", f"{2 * LAST},{LAST}", "0,1"])]
    blocks = [part for kind in ("reject", "late_block", "late_request") for name in ("piece_index", "begin", "length")
              for part in ("-e", f"bt.donthave.{kind}.{name}")]
    printed = two_passes.read(path, "-Y", "frame.number > 10", "-T", "fields", *blocks)
    assert [[int(number) for number in line.split()] for line in printed.splitlines()] == [
        [LAST, LAST, LAST, LAST, LAST - 1, 16], [LAST, LAST - 2, LAST]]


@BOTH
def test_lengths_that_overflow(tshark, written, connect):
    """The size of the message, its four bytes more, wraps around or not: nothing is made up from what comes after."""
    trace, expected = Trace(connect=connect), []
    for prefix in (LAST, LAST - 3, LAST - 4, 1 << 31, (1 << 31) - 1, MESSAGE_MAX):
        peers = begin(trace, leecher=(f"10.1.0.{len(expected)}", 40000))
        frame = peers.seed.send(dont_have(TO_LEECHER, 5),
                                struct.pack(">IBB", prefix, 20, TO_LEECHER) + numbers(6) + dont_have(TO_LEECHER, 7))
        for _ in range(3):
            peers.seed.send(b"\xff" * 200)
        expected.append(Row(frame, [5], [0], [f"{MESSAGE_MAX} bytes of one message"]))
    assert list(rows(tshark, written(trace))) == expected


@BOTH
def test_strings_longer_than_all(tshark, written, connect):
    """In an extension handshake: what came before it counts."""
    trace, frames = Trace(connect=connect), []
    for size in (b"4294967295", b"4294967300", b"18446744073709551615", b"18446744073709551616", b"9" * 40):
        peers = begin(trace, leecher=(f"10.1.0.{len(frames)}", 40000))
        frames.append(peers.leecher.send(extended(0, b"d1:md11:lt_donthavei9ee1:v" + size + b":xe")))
        peers.seed.send(dont_have(9, 5))
    path = written(trace)
    told = tshark.read(path, "-Y", "bt.donthave.expert.bad_handshake", "-T", "fields", "-e", "frame.number")
    assert [int(frame) for frame in told.split()] == frames
    assert [row.pieces for row in rows(tshark, path)] == [[5]] * len(frames)


@BOTH
def test_frames_cut_anywhere(tshark, written, connect):
    """A frame with several messages, of which the capture has so many bytes: each message that is there counts, and that
    which is cut does not. What comes in the next frame is found."""
    parts = [have(1), dont_have(TO_LEECHER, 5), reject(5), dont_have(TO_LEECHER, 6), piece(7), dont_have(TO_LEECHER, 8)]
    ends = [sum(map(len, parts[:number + 1])) for number in range(len(parts))]
    trace, expected = Trace(connect=connect), []
    for size in range(1, ends[-1] + 1):
        peers = begin(trace, fast=True, leecher=(f"10.1.0.{size}", 40000))
        peers.leecher.send(request(5), request(6), request(6, BLOCK))
        frame = peers.seed.send(*parts)
        packet = trace.packets[frame - 1]
        packet.data = packet.data[:len(packet.data) - ends[-1] + size]
        there = [(index, requests) for number, index, requests in ((1, 5, 1), (3, 6, 2), (5, 8, 0)) if ends[number] <= size]
        if there:
            expected.append(Row(frame, *map(list, zip(*there)), []))
        expected.append(Row(peers.seed.send(dont_have(TO_LEECHER, 9)), [9], [0], []))
    assert [row for row in rows(tshark, written(trace)) if row.pieces] == expected


def test_five_thousand_dont_haves_in_a_segment(tshark, written):
    trace = Trace()
    frame = heavy.in_one_segment(trace, begin(trace).seed, [dont_have(TO_LEECHER, number) for number in range(5_000)])
    assert list(rows(tshark, written(trace))) == [Row(frame, list(range(5_000)), [0] * 5_000, [])]


def test_sixty_thousand_messages_in_a_segment(tshark, written):
    """240 KB, which is about what Wireshark takes for one packet."""
    trace = Trace()
    messages = [KEEP_ALIVE] * 60_000
    messages[::30_000] = [dont_have(TO_LEECHER, number) for number in range(2)]
    frame = heavy.in_one_segment(trace, begin(trace).seed, [*messages, dont_have(TO_LEECHER, 2)])
    assert list(rows(tshark, written(trace))) == [Row(frame, [0, 1, 2], [0] * 3, [])]


def download(trace):
    """Some of all that is shown."""
    peers = begin(trace, fast=True)
    peers.leecher.send(request(5), request(6))
    peers.seed.send_cut(dont_have(TO_LEECHER, 5), reject(5), dont_have(TO_LEECHER, 6), at=[7, 20])
    peers.leecher.send(request(5, BLOCK))
    peers.seed.send(reject(6), dont_have(TO_LEECHER, 7))
    peers.leecher.send(dont_have(TO_SEED, 9))


SHOWN = ["-Y", "bt.donthave || bt.donthave.request || bt.donthave.late_request || bt.donthave.reject", "-T", "fields",
         *(part for name in ("piece_index", "requests", "request_in", "id_assigned_in", "request.invalidated_in",
                             "late_request.begin", "reject.request_in") for part in ("-e", f"bt.donthave.{name}"))]


@BOTH
def test_the_same_ip_in_ip_in_udp(tshark, written, connect):
    """It shows what the plain connection shows."""
    outputs = []
    for link in (ip_in_ip_in_udp, Trace().link):
        trace = Trace(link=link, connect=connect)
        download(trace)
        path = written(trace)
        outputs.append(tshark.read(path, *SHOWN, "-e", "frame.number"))
    assert outputs[0] == outputs[1] and len(outputs[0].splitlines()) >= 5


@BOTH
def test_both_in_one_capture(tshark, written, connect):
    """Captured before and in the tunnel: Wireshark takes both for the same connection, and nothing counts twice."""
    plain, tunnelled = Trace(connect=connect), Trace(link=ip_in_ip_in_udp, connect=connect)
    download(plain)
    download(tunnelled)
    path = written(plain)
    once = [line.split("\t")[0] for line in tshark.read(path, *SHOWN).splitlines()]
    plain.packets = [packet for pair in zip(plain.packets, tunnelled.packets) for packet in pair]
    path = written(plain)
    assert [line.split("\t")[0] for line in tshark.read(path, *SHOWN).splitlines()] == once


def encrypted(name):
    """A trace with an RC4 connection, and the line of its key."""
    trace, wire = Trace(), Wire(name, Choices())
    talk(trace, wire)
    return trace, wire.key


def test_a_key_log_of_a_million_lines(one_pass, staging, counter, written):
    """The last line has the key."""
    count = 1_000_000
    trace, key = encrypted("a million keys")
    log = staging.folder / "million.keys"
    with log.open("w") as file:
        for _ in range(count // 1000):
            digits = os.urandom(116 * 1000).hex()
            file.write("".join(f"MSE {digits[at:at + 192]} {digits[at + 192:at + 232]}\n" for at in range(0, len(digits), 232)))
        file.write(key)
    log.chmod(0o644)
    path = written(trace)
    try:
        options = ["-o", f"bt.peer.mse_keylog_file:{log}"]
        assert [row.pieces for row in rows(one_pass, path, *options)] == [[5], [9]]
        added = counter.largest(one_pass.command(one_pass.arguments(path, *options))) \
            - counter.largest(one_pass.command(one_pass.arguments(path)))
        assert added < PER_KEY * count
    finally:
        log.unlink()


def test_a_key_log_that_may_not_be_read(one_pass, staging, written):
    """It is told once, and nothing else changes. A folder and a pipe: test_mse.py."""
    trace, key = encrypted("not for you")
    log = staging.folder / "secret.keys"
    log.write_text(key)
    log.chmod(0)
    path = written(trace)
    command = one_pass.command(one_pass.arguments(path, "-o", f"bt.peer.mse_keylog_file:{log}"))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count(str(log)) == 1 and "permission" in done.stderr
    assert done.stdout == one_pass.read(path)
