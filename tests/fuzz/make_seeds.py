#!/usr/bin/env python3
"""Writes the seeds of the readers to folders beside this file, corpus_NAME for fuzz_NAME.c, from the captures of real
clients: their bytes, cut and packed as each target wants its input.

fuzz_peer_connection.c and fuzz_mse_stream.c have scripts of their own, as their inputs are stories of two peers.
"""

import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "regression"), str(ROOT / "captures" / "record")]

import many  # noqa: E402

TCP, UTP = "npm_fast.pcapng.gz", "libtorrent_utp_trixie.pcapng.gz"
LARGEST = 1500          # bytes of a seed; a fuzzer is slow on large ones


def transport_layer(link_type, packet):
    """Protocol, and the bytes after its ports, of an IPv4 packet; None of any other."""
    ip = many.LAYERS[link_type][1]
    if packet[ip] >> 4 != 4:
        return None, b"", b""
    length = struct.unpack_from(">H", packet, ip + 2)[0]
    begin = ip + 4 * (packet[ip] & 15)
    return packet[ip + 9], packet[ip + 12:ip + 20] + packet[begin:begin + 4], packet[begin:ip + length]


def tcp_streams(capture):
    """The bytes of each direction, as they come: recorded on loopback, where nothing is lost."""
    streams = {}
    for link_type, _, _, packet in many.packets(many.contents(ROOT / "captures" / capture)):
        protocol, ends, segment = transport_layer(link_type, packet)
        if protocol == 6:
            streams[ends] = streams.get(ends, b"") + segment[4 * (segment[12] >> 4):]
    return [stream for stream in streams.values() if stream.startswith(b"\x13BitTorrent")]


def utp_packets(capture):
    """(sender, header, payload) of each uTP packet."""
    first = None
    for link_type, _, _, packet in many.packets(many.contents(ROOT / "captures" / capture)):
        protocol, ends, datagram = transport_layer(link_type, packet)
        if protocol != 17 or len(datagram) < 28 or datagram[8] & 15 != 1 or datagram[9] > 2:
            continue
        first = first or ends
        extension, payload = datagram[9], datagram[28:]
        while extension and len(payload) > 1:
            extension, payload = payload[0], payload[2 + payload[1]:]
        yield int(ends != first), struct.unpack_from(">BBHIIIHH", datagram, 8), payload


def messages(stream):
    """Those after the handshake, with their prefixes."""
    at = 68
    while at + 4 <= len(stream):
        size = 4 + struct.unpack_from(">I", stream, at)[0]
        yield stream[at:at + size]
        at += size


def handshakes():
    """Payloads of extension handshakes, each once."""
    found = {}
    for capture in sorted((ROOT / "captures").glob("*.pcapng.gz")):
        for stream in tcp_streams(capture.name):
            for message in messages(stream):
                if message[4:6] == b"\x14\0":
                    found.setdefault(message[6:][:LARGEST], capture.name.partition(".")[0])
    return found


def small_messages(stream, size=LARGEST):
    """The stream without what is too large for a seed."""
    kept, all_kept = stream[:68], 68
    for message in messages(stream):
        if len(message) <= 200 and all_kept + len(message) <= size:
            kept += message
            all_kept += len(message)
    return kept


def utp_script(packets):
    """What fuzz_utp_flow.c reads: each packet in its place, large payloads left out."""
    script, ids = b"\0", {}
    types = {0: 0, 2: 1, 1: 2, 3: 3}    # of the wire -> of the target, but ST_SYN
    for sender, (type_and_version, _, connection, _, _, _, _, _), payload in packets:
        kind = type_and_version >> 4
        number = ids.setdefault(connection, len(ids) + 1)
        what = sender | (64 if kind != 4 else 0) | (0 if kind == 4 else 2 * types[kind])
        payload = payload[:250]
        if len(script) + len(payload) > LARGEST:
            break
        script += bytes([what, number | (128 if kind == 4 else 0), 0, 0, len(payload)]) + payload
    return script


def seeds():
    """{target: {name: bytes}}"""
    streams = tcp_streams(TCP)
    found = handshakes()
    chosen = sorted(found, key=lambda payload: (found[payload], payload))[:8]
    parts = [small_messages(stream) for stream in streams[:4]]
    script = bytes([0, 0, 68]) + bytes(value for at in range(40)
                                       for value in (2 if at % 7 == 3 else 0, at % 5, 13 * at % 50 + 1))
    packets = list(utp_packets(UTP))
    stream = b"\xff\xf0" + bytes(value for sender, header, payload in packets[:120] if sender == 0
                                 for value in (0 if payload else 2, 0, min(len(payload), 40)))
    return {
        "bencode": {f"handshake{number}": payload for number, payload in enumerate(chosen)},
        "extension_handshake": {f"handshake{number}": b"\0" + payload for number, payload in enumerate(chosen)},
        "peer_wire": {f"stream{number}": b"\0" + part[68:] for number, part in enumerate(parts)},
        "message_stream": {f"stream{number}": struct.pack(">H", len(part)) + script + part
                           for number, part in enumerate(parts)},
        "utp_stream": {"order": stream,
                       "late": stream[:30] + b"\0\x05\x10\0\xfa\x10\x08\x02\0\0\0\x10" + stream[30:],
                       "wrap": b"\xff\xff" + stream[2:]},
        "utp_flow": {"connection": utp_script(packets), "wrap": b"\xff" + utp_script(packets)[1:]},
    }


for target, inputs in seeds().items():
    folder = Path(__file__).parent / f"corpus_{target}"
    folder.mkdir(exist_ok=True)
    for name, data in inputs.items():
        (folder / name).write_bytes(data)
