#!/usr/bin/python3
"""What went through the WebRTC data channels of a capture, without Wireshark: the plain bytes of both directions.

  webrtc.py CAPTURE.pcapng.gz...      a line for each channel; the keys are in CAPTURE.keys

channels() is the truth that a dissector can be compared with. A data channel is a stream of SCTP in DTLS in UDP (RFC
8831); messages that are binary or text count, those that open the channel do not (RFC 8832). SCTP gives each chunk a
number (TSN) and may send it late or twice: chunks are put in order by that number, then those of one stream make
messages.
"""

import collections
import dataclasses
import gzip
import pathlib
import re
import struct
import sys

import dtls

HEADER = 12
DATA, INIT, INIT_ACK, I_DATA = 0, 1, 2, 64  # I-DATA: RFC 8260
LAST, FIRST, UNORDERED = 1, 2, 4
DCEP = 50
DCEP_OPEN = 3
LAST_SSN = 0xFFFF
CONTENT = (51, 53)
EMPTY = (56, 57)  # a byte stands for nothing


class Unreadable(Exception):
    """The capture has not all that was said, or this file does not understand it."""


@dataclasses.dataclass
class Chunk:
    frame: int  # where it was first seen
    stream: int
    flags: int
    order: int  # number of its message in the stream: SSN, or MID of I-DATA
    ppid: int  # of an I-DATA chunk only with FIRST
    data: bytes
    copies: list  # frames that have it, this one too


@dataclasses.dataclass
class Message:
    frame: int  # with it, this message and all of its stream before it have come
    order: int
    ppid: int
    data: bytes
    parts: tuple = ()  # (frame, size) of each of its chunks
    copies: tuple = ()  # for each of them all frames that have it


@dataclasses.dataclass
class Channel:
    """A data channel. A stream can be used for another one later; that is a channel of its own."""

    association: int  # number of the association in the capture, from 0
    stream: int
    ends: tuple  # both endpoints, ADDRESS:PORT
    label: str = ""
    sent: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))  # sender: its messages

    def add(self, sender, message):
        if message.ppid in CONTENT:
            self.sent[sender].append(message)
        elif message.ppid in EMPTY:
            self.sent[sender].append(dataclasses.replace(message, data=b""))
        elif message.ppid != DCEP:
            raise Unreadable(f"frame {message.frame}: payload protocol {message.ppid}")
        elif message.data[0] == DCEP_OPEN:
            self.label = label_of(message.data)

    def bytes_from(self, sender):
        """All that one endpoint, ADDRESS:PORT, sent."""
        return b"".join(message.data for message in self.sent[sender])


class Association:
    """Both directions of an SCTP association: for each sender its tag and its chunks by TSN."""

    def __init__(self, tags):
        self.tags = tags
        self.chunks = {sender: {} for sender in tags}

    def add(self, sender, tsn, chunk):
        known = self.chunks[sender]
        absolute = unwrapped(tsn, max(known, default=tsn), 1 << 32)
        first = known.setdefault(absolute, chunk)
        if (first.stream, first.data) != (chunk.stream, chunk.data):
            raise Unreadable(f"frame {chunk.frame}: TSN {tsn} of {sender} has other bytes than in frame {first.frame}")
        if first is not chunk:
            first.copies.append(chunk.frame)

    def messages(self, sender):
        """(stream, message) in the order of the sender."""
        chunks = self.chunks[sender]
        numbers = sorted(chunks)
        if numbers and numbers[-1] - numbers[0] >= len(numbers):
            raise Unreadable(f"hole in what {sender} sent")
        parts, frames = {}, collections.Counter()
        for chunk in map(chunks.get, numbers):
            if chunk.flags & UNORDERED:
                raise Unreadable(f"frame {chunk.frame}: an unordered message")
            part = parts.setdefault(chunk.stream, [])
            if bool(part) == bool(chunk.flags & FIRST):
                raise Unreadable(f"frame {chunk.frame}: not where a message of stream {chunk.stream} begins or goes on")
            part.append(chunk)
            frames[chunk.stream] = max(frames[chunk.stream], chunk.frame)
            if chunk.flags & LAST:
                del parts[chunk.stream]
                yield chunk.stream, Message(frames[chunk.stream], chunk.order, part[0].ppid,
                                            b"".join(each.data for each in part),
                                            tuple((each.frame, len(each.data)) for each in part),
                                            tuple(tuple(each.copies) for each in part))
        if parts:
            raise Unreadable(f"the last message of {sender} in stream {next(iter(parts))} is not complete")


def unwrapped(number, near, modulus):
    """The absolute number that is nearest to another one."""
    return near + (number - near + modulus // 2) % modulus - modulus // 2


def chunks_of(packet):
    """Kind, flags and value of each chunk of an SCTP packet (RFC 9260, 3.2)."""
    offset = HEADER
    while offset + 4 <= len(packet):
        kind, flags, length = struct.unpack_from(">BBH", packet, offset)
        yield kind, flags, packet[offset + 4:offset + length]
        offset += (length + 3) & ~3


class Associations:
    def __init__(self):
        self.all = []
        self._current = {}  # (DTLS connection, sender, tag): association

    def on_packet(self, connection, sender, receiver, packet, frame):
        tag = struct.unpack_from(">I", packet, 4)[0]
        for kind, flags, value in chunks_of(packet):
            if kind == INIT_ACK:  # its header has the tag of one direction, and it tells that of the other
                self._begin(connection, {sender: tag, receiver: struct.unpack_from(">I", value)[0]})
            elif kind in (DATA, I_DATA):
                association = self._current.get((connection, sender, tag))
                if not association:
                    raise Unreadable(f"frame {frame}: data of an association whose beginning is not in the capture")
                tsn, stream = struct.unpack_from(">IH", value)
                (order, ppid), data = ((struct.unpack_from(">HI", value, 6), value[12:]) if kind == DATA else
                                       (struct.unpack_from(">II", value, 8), value[16:]))
                association.add(sender, tsn, Chunk(frame, stream, flags, order, ppid, data, [frame]))

    def _begin(self, connection, tags):
        keys = [(connection, sender, tag) for sender, tag in tags.items()]
        if all(key in self._current for key in keys):  # again: it was lost, or both ends began at the same time
            return
        self.all.append(Association(tags))
        self._current.update((key, self.all[-1]) for key in keys)


def is_key_log(text):
    """Whether it has keys as TLS logs them (SSLKEYLOGFILE)."""
    return bool(re.search(r"^[A-Z_0-9]+ [0-9a-f]{64} ", text, re.M))


def channels(datagrams, keys):
    """The channels of a capture, from its datagrams (frame, sender, receiver, payload) and the text of the key log."""
    decryptor, associations = dtls.Decryptor(dtls.read_keys(keys)), Associations()
    try:
        for frame, sender, receiver, payload in datagrams:
            for connection, packet in decryptor.application_data(sender, receiver, payload):
                associations.on_packet(connection, sender, receiver, packet, frame)
    except dtls.Undecipherable as error:
        raise Unreadable(str(error)) from None
    return [channel for number, association in enumerate(associations.all)
            for channel in channels_of(number, association)]


def channels_of(number, association):
    """The numbers of a stream's messages start again when it is reset, and then it is another channel."""
    found = {}
    for sender in association.tags:
        turns, last = collections.Counter(), {}
        for stream, message in association.messages(sender):
            if message.order == 0 and last.get(stream) != LAST_SSN:
                turns[stream] += 1
            if not turns[stream]:
                raise Unreadable(f"frame {message.frame}: stream {stream} begins with message {message.order}")
            last[stream] = message.order
            channel = Channel(number, stream, tuple(association.tags))
            found.setdefault((stream, turns[stream]), channel).add(sender, message)
    return list(found.values())


def label_of(dcep_open):
    length = struct.unpack_from(">H", dcep_open, 8)[0]
    return dcep_open[12:12 + length].decode()


def main():
    import streams
    for capture in map(pathlib.Path, sys.argv[1:]):
        keys = capture.with_name(capture.name.removesuffix(".pcapng.gz") + ".keys").read_text()
        for channel in channels(streams.datagrams(gzip.decompress(capture.read_bytes())), keys):
            sizes = ", ".join(f"{end} sent {len(channel.bytes_from(end))} bytes in {len(channel.sent[end])} messages"
                              for end in channel.ends)
            place = f"association {channel.association}, stream {channel.stream}, {channel.label!r}"
            print(f"{capture.name}: {place}: {sizes}")


if __name__ == "__main__":
    main()
