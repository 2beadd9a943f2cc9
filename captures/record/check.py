#!/usr/bin/python3
"""Compares a capture with the log beside it, without Wireshark: neither may know of a message that the other does not.

  check.py CAPTURE.pcapng.gz...

It reads what dumpcap writes (pcapng, Ethernet, IPv4) and nothing else. The whole capture is there, so the messages can
be had the simple way: put each direction's bytes in order, then cut them at the length prefixes. Where the keys of
WebRTC connections are beside the capture (NAME.keys), the bytes are those of their data channels (webrtc.py).
"""

import collections
import gzip
import json
import pathlib
import re
import struct
import sys

import webrtc

PROTOCOL = b"\x13BitTorrent protocol"
HANDSHAKE_LENGTH = 68
REQUEST, REJECT = 6, 16
EXTENDED = 20
UTP_HEADER = 20
ST_DATA = 0
TCP, UDP = 6, 17  # in the IP header


class Mismatch(Exception):
    pass


def packets(pcapng):
    """The bytes of each frame: the enhanced packet blocks of a pcapng file."""
    offset = 0
    while offset < len(pcapng):
        kind, length = struct.unpack_from("<II", pcapng, offset)
        if kind == 6:
            captured = struct.unpack_from("<I", pcapng, offset + 20)[0]
            yield pcapng[offset + 28:offset + 28 + captured]
        offset += length


def transport(pcapng):
    """For each packet of TCP or UDP: frame number, protocol, flow, and all that comes after the IP header."""
    for number, frame in enumerate(packets(pcapng), 1):
        if frame[12:14] != b"\x08\x00" or frame[23] not in (TCP, UDP):
            continue
        header = (frame[14] & 15) * 4
        length = struct.unpack_from(">H", frame, 16)[0]
        addresses = [".".join(map(str, frame[at:at + 4])) for at in (26, 30)]
        body = frame[14 + header:14 + length]
        flow = tuple(f"{address}:{port}" for address, port in zip(addresses, struct.unpack_from(">HH", body)))
        yield number, frame[23], flow, body


def datagrams(pcapng):
    """For each packet of UDP: frame number, sender, receiver, data."""
    for number, protocol, flow, body in transport(pcapng):
        if protocol == UDP:
            yield number, *flow, body[8:]


def segments(pcapng):
    """For each packet with data: flow, position in the stream, data. TCP counts bytes, uTP packets (BEP 29)."""
    for _, protocol, flow, body in transport(pcapng):
        if protocol == TCP:
            data = body[(body[12] >> 4) * 4:]
            position, modulus = struct.unpack_from(">I", body, 4)[0], 1 << 32
        elif len(body) >= 8 + UTP_HEADER and body[8] == ST_DATA << 4 | 1:
            position, modulus = struct.unpack_from(">H", body, 8 + 16)[0], 1 << 16
            data = utp_data(body[8:])
        else:
            continue
        if data:
            yield flow, position, modulus, data


def utp_data(packet):
    extension, offset = packet[1], UTP_HEADER
    while extension:
        extension, length = packet[offset], packet[offset + 1]
        offset += 2 + length
    return packet[offset:]


def streams(pcapng):
    """The bytes of each flow, in order. A hole in them is a mismatch: the capture has lost something."""
    pieces = collections.defaultdict(dict)
    tcp = {}
    for flow, position, modulus, data in segments(pcapng):
        known = pieces[flow]
        last = max(known) if known else position
        absolute = last + (position - last + modulus // 2) % modulus - modulus // 2
        known[absolute] = max(known.get(absolute, b""), data, key=len)
        tcp[flow] = modulus == 1 << 32
    for flow, known in pieces.items():
        start = min(known)
        stream = b""
        expected = start
        for position in sorted(known):
            if position > expected:
                raise Mismatch(f"hole in the stream {flow[0]} -> {flow[1]}")
            overlap = expected - position if tcp[flow] else 0
            stream += known[position][overlap:]
            expected = max(expected, position + len(known[position])) if tcp[flow] else position + 1
        yield flow, stream


def messages(stream):
    """Id and payload of each message of a stream that begins with the handshake."""
    offset = HANDSHAKE_LENGTH
    while offset + 4 <= len(stream):
        length = struct.unpack_from(">I", stream, offset)[0]
        message = stream[offset + 4:offset + 4 + length]
        if message:
            yield message[0], message[1:]
        offset += 4 + length


def connections(pcapng, keys=None):
    """Each BitTorrent connection: the SCTP stream that it is, or None, and {(sender, receiver): bytes}."""
    if keys is not None:
        for channel in webrtc.channels(datagrams(pcapng), keys):
            directions = zip(channel.ends, reversed(channel.ends))
            yield channel.stream, {flow: channel.bytes_from(flow[0]) for flow in directions}
        return
    both = collections.defaultdict(dict)
    for flow, stream in streams(pcapng):
        if stream.startswith(PROTOCOL):
            both[frozenset(flow)][flow] = stream
    for directions in both.values():
        yield None, directions


def events(pcapng, keys=None):
    """What each end must have logged: (event, its address, its peer, its SCTP stream) -> numbers, in order."""
    found = collections.defaultdict(list)
    for stream_id, directions in connections(pcapng, keys):
        ids = {source: assigned_id(stream) for (source, _), stream in directions.items()}
        for (source, destination), stream in directions.items():
            received, sent = (address(destination), source, stream_id), (address(source), destination, stream_id)
            for kind, payload in messages(stream):
                if kind == EXTENDED and payload[0] != 0 and payload[0] == ids.get(destination):
                    found["donthave", *received].append(struct.unpack(">I", payload[1:]))
                elif kind == REQUEST:
                    found["request", *sent].append(struct.unpack(">III", payload))
                elif kind == REJECT:
                    found["reject", *received].append(struct.unpack(">III", payload))
    return found


def assigned_id(stream):
    """The id that the sender of a stream wants to see on DontHaves."""
    assigned = None
    for kind, payload in messages(stream):
        named = kind == EXTENDED and payload[0] == 0 and re.search(rb"11:lt_donthavei(\d+)e", payload)
        if named:
            assigned = int(named[1])
    return assigned


def address(endpoint):
    return endpoint.rpartition(":")[0]


def logged(log):
    """The same from the lines of a log."""
    result = collections.defaultdict(list)
    for entry in log:
        numbers = tuple(entry[name] for name in ("piece", "begin", "length") if name in entry)
        result[entry["event"], entry["address"], entry["peer"], entry.get("stream")].append(numbers)
    return result


def compare(pcapng, log, keys=None):
    """One line of counts if capture and log agree."""
    try:
        seen, expected = events(pcapng, keys), logged(log)
    except webrtc.Unreadable as error:
        raise Mismatch(str(error)) from None
    peers = {key[1:] for key in expected}
    if not any(key[0] == "donthave" for key in expected):
        raise Mismatch("the clients logged no DontHave at all")
    for (event, *ends), numbers in seen.items():
        if tuple(ends) in peers and numbers != expected[event, *ends]:
            raise Mismatch(f"{event} at {ends}:\ncaptured {numbers}\nlogged   {expected[event, *ends]}")
    for (event, *ends), numbers in expected.items():
        if event != "request_failed" and numbers != seen.get((event, *ends)):
            raise Mismatch(f"{event} at {ends}: logged {numbers}, not captured so")
    counts = collections.Counter(entry["event"] for entry in log)
    return ", ".join(f"{count} {event}" for event, count in sorted(counts.items()))


if __name__ == "__main__":
    for capture in map(pathlib.Path, sys.argv[1:]):
        name = capture.name.removesuffix(".pcapng.gz")
        log_file, keys_file = (capture.with_name(name + ending) for ending in (".log", ".keys"))
        log_lines = [json.loads(line) for line in log_file.read_text().splitlines()]
        known_keys = keys_file.read_text() if keys_file.exists() else None
        try:
            print(f"{capture.name}: {compare(gzip.decompress(capture.read_bytes()), log_lines, known_keys)}")
        except Mismatch as mismatch:
            sys.exit(f"{capture.name}: {mismatch}")
