#!/usr/bin/python3
"""Compares a capture with the log beside it, without Wireshark: neither may know of a message that the other does not.

  check.py CAPTURE.pcapng.gz...

A capture with a key log beside it (NAME.keys) must hold encrypted connections and nothing else, and all that was said in
them must be messages, and blocks of the sample torrent. If no client logged what it received, that is all. Where the
keys are those of WebRTC connections, what was said is in their data channels (webrtc.py).
"""

import collections
import gzip
import json
import pathlib
import re
import struct
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "clients"))

import mse
import sample_torrent
import webrtc
from streams import Mismatch, datagrams

NOT_IN_CAPTURES = {"request_failed"}  # what a client logs, and does not send


def events(connections):
    """What each end of each connection must have logged: (event, its address, its peer) -> numbers, in order."""
    found = collections.defaultdict(list)
    for (source, destination), pieces in mse.dont_haves(connections).items():
        found["donthave", address(destination), source] += [(piece,) for piece in pieces]
    for connection in connections:
        for (source, destination), plain in connection.plain.items():
            for kind, payload in mse.messages(plain):
                if kind == mse.REQUEST:
                    found["request", address(source), destination].append(struct.unpack(">III", payload))
                elif kind == mse.REJECT:
                    found["reject", address(destination), source].append(struct.unpack(">III", payload))
    return {key: numbers for key, numbers in found.items() if numbers}


def events_of_channels(channels):
    """The same of data channels, with the SCTP stream in the key: (event, address, peer, stream) -> numbers."""
    found = collections.defaultdict(list)
    for channel in channels:
        plain = {end: channel.bytes_from(end) for end in channel.ends}
        ids = {end: assigned_id(stream) for end, stream in plain.items()}
        for source, destination in zip(channel.ends, reversed(channel.ends)):
            sent = address(source), destination, channel.stream
            received = address(destination), source, channel.stream
            for kind, payload in mse.messages(plain[source]):
                if kind == mse.EXTENDED and payload[0] != 0 and payload[0] == ids[destination]:
                    found["donthave", *received].append(struct.unpack(">I", payload[1:]))
                elif kind == mse.REQUEST:
                    found["request", *sent].append(struct.unpack(">III", payload))
                elif kind == mse.REJECT:
                    found["reject", *received].append(struct.unpack(">III", payload))
    return found


def assigned_id(stream):
    """The id that the sender of a stream wants to see on DontHaves."""
    assigned = None
    for kind, payload in mse.messages(stream):
        named = kind == mse.EXTENDED and payload[0] == 0 and re.search(rb"11:lt_donthavei(\d+)e", payload)
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
        stream = (entry["stream"],) if "stream" in entry else ()
        result[entry["event"], entry["address"], entry["peer"], *stream].append(numbers)
    return result


def compare(pcapng, log, keys=()):
    """One line of counts if capture and log agree."""
    connections = mse.connections(pcapng, keys)
    if keys:
        check_encryption(connections, [entry for entry in log if entry["event"] == "encrypted"])
        check_without_keys(connections)
        blocks = check_content(connections)
    messages = [entry for entry in log if entry["event"] != "encrypted"]
    if messages or not keys:
        compare_messages(events(connections), logged(messages))
    counts = sorted(collections.Counter(entry["event"] for entry in messages).items())
    if keys:
        methods = collections.Counter(connection.method for connection in connections)
        counts += [*sorted(methods.items()), ("block", blocks)]
    return ", ".join(f"{count} {what}" for what, count in counts)


def compare_webrtc(pcapng, log, keys):
    """The same of a capture of WebRTC; keys is the text of its key log."""
    try:
        channels = webrtc.channels(datagrams(pcapng), keys)
    except webrtc.Unreadable as error:
        raise Mismatch(str(error)) from None
    compare_messages(events_of_channels(channels), logged(log))
    counts = collections.Counter(entry["event"] for entry in log)
    return ", ".join(f"{count} {event}" for event, count in sorted(counts.items()))


def compare_files(pcapng, log, keys):
    """The same; keys is the text of a key log of either kind, or empty."""
    if webrtc.is_key_log(keys):
        return compare_webrtc(pcapng, log, keys)
    return compare(pcapng, log, mse.read_keys(keys))


def compare_messages(seen, expected):
    peers = {key[1:] for key in expected}
    if not any(key[0] == "donthave" for key in expected):
        raise Mismatch("the clients logged no DontHave at all")
    for (event, *ends), numbers in seen.items():
        if tuple(ends) in peers and numbers != expected[event, *ends]:
            raise Mismatch(f"{event} at {ends}:\ncaptured {numbers}\nlogged   {expected[event, *ends]}")
    for (event, *ends), numbers in expected.items():
        if event not in NOT_IN_CAPTURES and numbers != seen.get((event, *ends)):
            raise Mismatch(f"{event} at {ends}: logged {numbers}, not captured so")


def check_encryption(connections, told):
    """Each connection was opened by a key, and is encrypted as the client says, where it says so."""
    if not connections:
        raise Mismatch("no connection is in the capture")
    for connection in connections:
        if connection.info_hash is None:
            raise Mismatch(f"{connection.a} to {connection.b}: {connection.method}, not opened by a key")
        for entry in told:
            if (address(connection.a), connection.b) == (entry["address"], entry["peer"]) and \
                    entry["method"] != connection.method:
                raise Mismatch(f"{connection.a} to {connection.b}: {connection.method}, logged {entry['method']}")


def check_without_keys(connections):
    """Where the payload is plain, it is found without keys, too, from the same byte on; but for what was said in IA."""
    for connection in connections:
        if connection.method == "plaintext":
            sent_first = next(iter(connection.streams))
            without = mse.decode(*sent_first, connection.streams, keys=())
            if (without.a, without.b, without.payload_at) != (connection.a, connection.b, connection.payload_at):
                raise Mismatch(f"{connection.a} to {connection.b}: payload at {connection.payload_at}, "
                               f"without keys at {without.payload_at}")


def check_content(connections):
    """All that was said is messages, to the last byte, and each block is the sample torrent's. Returns how many."""
    blocks = 0
    for connection in connections:
        for (source, destination), plain in connection.plain.items():
            if not plain.startswith(mse.PROTOCOL) or not mse.is_chain(plain[mse.HANDSHAKE_LENGTH:]):
                raise Mismatch(f"{source} to {destination}: not a handshake and messages")
            for kind, payload in mse.messages(plain):
                if kind == mse.PIECE:
                    index, begin = struct.unpack_from(">II", payload)
                    block = payload[8:]
                    if sample_torrent.piece(index)[begin:begin + len(block)] != block:
                        raise Mismatch(f"{source} to {destination}: block {begin} of piece {index} is not the torrent's")
                    blocks += 1
    if not blocks:
        raise Mismatch("no block was sent")
    return blocks


if __name__ == "__main__":
    for capture in map(pathlib.Path, sys.argv[1:]):
        log_file, keys_file = mse.beside(capture, ".log"), mse.beside(capture, ".keys")
        log_lines = [json.loads(line) for line in log_file.read_text().splitlines()] if log_file.exists() else []
        try:
            print(f"{capture.name}: " + compare_files(gzip.decompress(capture.read_bytes()), log_lines,
                                                      keys_file.read_text() if keys_file.exists() else ""))
        except Mismatch as mismatch:
            sys.exit(f"{capture.name}: {mismatch}")
