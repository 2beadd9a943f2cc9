"""Changes bytes of what DTLS carries in a capture, with its keys.

A record of DTLS of which one byte was changed is not decrypted, so what "editcap -E" makes of it never reaches SCTP. Here
the records of application data are opened, changed, and closed again with the same key and number, as their sender could
have done: each has the size that it had.
"""

import random
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "captures" / "record"), str(ROOT / "tests" / "regression")]

import dtls  # noqa: E402
from many import INTERFACE, LAYERS, PACKET, SECTION, block, contents, packets  # noqa: E402

UDP, HEADERS = 17, 20 + 8       # bytes, of IPv4 and UDP
IN_FRONT = 12 + 16                              # bytes, of SCTP's header and that of a DATA chunk


class Changing(dtls.Decryptor):
    """Follows the connections, and changes what their records say."""

    def __init__(self, keys, change):
        super().__init__(keys)
        self._change = change
        self.changed = 0        # records

    def datagram(self, sender, receiver, datagram):
        """The datagram with other bytes in its records; as it is where it cannot be read."""
        written = b""
        while datagram and 20 <= datagram[0] <= 63:     # RFC 7983, 7
            record, datagram = dtls.split(datagram)
            try:
                if record[0] == dtls.HANDSHAKE and record[3:5] == b"\0\0":
                    self._on_handshake(sender, receiver, record[13:])
                elif (opened := self._opened(sender, receiver, record)) is not None:
                    record = opened[0].close(sender, record, self._change(opened[1]))
                    self.changed += 1
            except dtls.Undecipherable:
                pass            # no key, or a cipher that WebRTC clients do not choose
            written += record
        return written + datagram


def changer(seed, share):
    """As editcap does it: each byte becomes another one with this chance, but for the headers where the seed is odd."""
    chance = random.Random(seed)
    kept = IN_FRONT if seed % 2 else 0

    def change(plain):
        data = bytearray(plain)
        for at in range(kept, len(data)):
            if chance.random() < share:
                data[at] = chance.randrange(256)
        return bytes(data)
    return change


def write_changed(capture, keys, seed, share, target):
    """Writes the capture; returns how many records were changed. keys: the text of a key log."""
    changing = Changing(dtls.read_keys(keys), changer(seed, share))
    parts = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
             *(block(INTERFACE, struct.pack("<HHI", link_type, 0, 0)) for link_type in LAYERS)]
    for link_type, time, length, data in packets(contents(capture)):
        at = LAYERS[link_type][1]       # IPv4 without options, as all our captures of DTLS have it
        if len(data) > at + HEADERS and data[at] == 0x45 and data[at + 9] == UDP:
            hosts = zip((data[at + 12:at + 16], data[at + 16:at + 20]), struct.unpack_from(">HH", data, at + 20))
            begin, end = at + HEADERS, at + struct.unpack_from(">H", data, at + 2)[0]
            data = data[:begin] + changing.datagram(*hosts, data[begin:end]) + data[end:]
        header = struct.pack("<IIIII", list(LAYERS).index(link_type), time >> 32, time & 0xFFFFFFFF, len(data), length)
        parts.append(block(PACKET, header + data))
    target.write_bytes(b"".join(parts))
    return changing.changed
