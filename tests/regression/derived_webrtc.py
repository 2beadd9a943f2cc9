"""Which DontHaves must be found in a derived form of a recording of WebRTC, computed without Wireshark, see derived.py.

Wireshark decrypts DTLS where the handshake is there and a record is whole, so the forms leave the handshake as it is. A packet
that is missing or cut is a hole in SCTP, but where its chunks were sent again:

* A DontHave may be found where all chunks that hold it are there.
* It must be found where besides a reader can know what they are: where the handshakes were read, and that which assigned its
  id, and its chunks follow without a hole from the beginning of a message of SCTP at which one of BitTorrent begins.
"""

import itertools
import re
import struct
import sys
from collections import Counter, namedtuple

from derived import written
from many import ROOT

sys.path.append(str(ROOT / "captures" / "record"))

import mse  # noqa: E402
import webrtc  # noqa: E402
from streams import datagrams  # noqa: E402

ASSIGNS = re.compile(rb"11:lt_donthavei(\d+)e")

Part = namedtuple("Part", "begin end frames starts")        # a chunk: where in the stream; numbers of the packets that have it


def handshake_length(packets):
    """How many packets come before the first data in DTLS, over UDP and IPv4: without all of them Wireshark decrypts none."""
    for number, packet in enumerate(packets):
        kind = packet.data[42] if len(packet.data) > 42 and packet.data[23] == 17 else 0
        if kind == 23 or kind & 0xE3 == 0x23:   # RFC 6347, 4.1; RFC 9147, 4: of epoch 3
            return number
    return 0


class Said:
    """What one end of a data channel said."""

    def __init__(self, channel, end):
        self.data, self.parts, self.messages, self.ids = channel.bytes_from(end), [], [], []
        host, _, port = end.rpartition(":")
        self.sender = host, int(port)
        begin = 0
        for message in channel.sent[end]:
            starts = True
            for (_, size), frames in zip(message.parts, message.copies):
                if message.data:        # an empty one has a byte that is none
                    self.parts.append(Part(begin, begin + size, [frame - 1 for frame in frames], starts))
                    begin += size
                starts = False
        at = mse.HANDSHAKE_LENGTH
        self.boundaries = {0}
        while at + 4 <= len(self.data):
            size = 4 + struct.unpack_from(">I", self.data, at)[0]
            self.boundaries.add(at)
            payload = self.data[at + 5:at + size]
            if size > 5 and self.data[at + 4] == mse.EXTENDED:
                self.messages.append((at, at + size, payload[0], payload[1:]))
                if payload[0] == 0 and (found := ASSIGNS.search(payload)):
                    self.ids.append((at, at + size, int(found[1])))
            at += size

    def has(self, there, begin, end):
        """The place in the form of the last chunk that holds these bytes; None: one is missing. there: {number of a packet: its
        place}."""
        places = [min((there[frame] for frame in part.frames if frame in there), default=None)
                  for part in self.parts if part.begin < end and begin < part.end]
        return None if None in places or not places else max(places)

    def readable(self, there, begin, end):
        """The same of what can be read."""
        for part in reversed([part for part in self.parts if part.begin <= begin]):
            if part.starts and part.begin in self.boundaries and self.has(there, part.begin, end) is not None:
                return self.has(there, part.begin, end)
        return None


class Truth:
    """Of a recording."""

    def __init__(self, recording, keys):
        self.channels = [[Said(channel, end) for end in channel.ends]
                         for channel in webrtc.channels(datagrams(written(recording)), keys)]

    def expected(self, there):
        """The DontHaves that must be found, and those that may, as derived.expected(). there: {number of a packet that is whole: its
        place}."""
        must, may = Counter(), Counter()
        for ends in self.channels:
            for one, other in itertools.permutations(ends):
                for begin, end, number, payload in one.messages:
                    assigned = [handshake for handshake in other.ids if handshake[2] == number]
                    if not number or not assigned or len(payload) != 4 or one.has(there, begin, end) is None:
                        continue
                    key = one.sender, struct.unpack(">I", payload)[0]
                    may[key] += 1
                    seen = one.readable(there, begin, end)
                    before = [side.readable(there, 0, mse.HANDSHAKE_LENGTH) for side in ends]
                    known = [other.readable(there, *handshake[:2]) for handshake in assigned]
                    if seen is not None and all(place is not None and place <= seen for place in before) \
                            and any(place is not None and place < seen for place in known):
                        must[key] += 1
        return must, may
