#!/usr/bin/env python3
"""What peers said to each other in a capture, whether encrypted (Message Stream Encryption, MSE) or not, without Wireshark.

  mse.py CAPTURE.pcapng.gz...       prints the DontHaves; secrets are taken from CAPTURE.keys, if that is there

Independent of the plugin: the ground truth of its tests. It has whole streams, and need not find its way in parts of them.

    A -> B   Ya (96)  PadA (0..512)  SHA1("req1" S) (20)  SHA1("req2" SKEY) xor SHA1("req3" S) (20)
             RC4_A{ VC (8 zero bytes)  crypto_provide (4)  len(PadC) (2)  PadC  len(IA) (2)  IA }         payload
    B -> A   Yb (96)  PadB (0..512)  RC4_B{ VC (8)  crypto_select (4)  len(PadD) (2)  PadD }              payload

IA is the beginning of what A says. The payload is plain (crypto_select 1), or RC4 goes on through it (2).
"""

import dataclasses
import gzip
import hashlib
import pathlib
import re
import struct
import sys

from streams import Mismatch, streams

PROTOCOL = b"\x13BitTorrent protocol"
HANDSHAKE_LENGTH = 68
REQUEST, PIECE, REJECT, EXTENDED = 6, 7, 16, 20
KNOWN_MESSAGES = {*range(10), *range(13, 18), EXTENDED}

HTTP = (b"GET ", b"HTTP/")

KEY_LENGTH = 96
HASH_LENGTH = 20
PAD_LIMIT = 512
VC = bytes(8)
DISCARDED = 1024
METHODS = {1: "plaintext", 2: "rc4"}
KEYS_LINE = re.compile(r"MSE ([0-9A-Fa-f]{192}) ([0-9A-Fa-f]{40})")


class RC4:
    """A key stream; it begins after the bytes that MSE throws away."""

    def __init__(self, key):
        self._state = list(range(256))
        self._i = self._j = 0
        j = 0
        for i in range(256):
            j = (j + self._state[i] + key[i % len(key)]) & 255
            self._state[i], self._state[j] = self._state[j], self._state[i]
        self.take(DISCARDED)

    def take(self, length):
        """The next bytes of the key stream."""
        state, i, j = self._state, self._i, self._j
        stream = bytearray()
        for _ in range(length):
            i = (i + 1) & 255
            j = (j + state[i]) & 255
            state[i], state[j] = state[j], state[i]
            stream.append(state[(state[i] + state[j]) & 255])
        self._i, self._j = i, j
        return bytes(stream)

    def crypt(self, data):
        return xor(data, self.take(len(data)))


class Decrypting:
    """Reads a stream from some position on, decrypting."""

    def __init__(self, key, data, position):
        self._cipher = RC4(key)
        self._data = data
        self.position = position

    def read(self, length=None):
        end = len(self._data) if length is None else self.position + length
        if end > len(self._data):
            raise Mismatch("a stream ends within the handshake of MSE")
        plain = self._cipher.crypt(self._data[self.position:end])
        self.position = end
        return plain

    def number(self, length):
        return int.from_bytes(self.read(length), "big")

    def rest(self, method):
        """The payload."""
        return self._data[self.position:] if method == "plaintext" else self.read()


@dataclasses.dataclass
class Connection:
    """Two peers, each "ADDRESS:PORT"; a is the one that opened the connection, so far as that is known."""

    a: str
    b: str
    streams: dict           # (sender, receiver): Stream, as captured; the one that began first comes first
    plain: dict             # (sender, receiver): bytes that the sender said, from its first one that is known
    method: str = "none"    # none (plain BitTorrent), plaintext (after MSE), rc4
    payload_at: dict = None  # MSE; (sender, receiver): position in the stream
    # With a key:
    info_hash: bytes = None
    crypto_provide: int = None
    crypto_select: int = None
    ia: bytes = None
    pad_lengths: dict = None  # by the pad's letter

    def payload_frame(self, flow):
        """The frame in which the payload of a direction begins; None if it has none."""
        stream, position = self.streams[flow], self.payload_at[flow]
        return stream.frame_at(position) if position < len(stream.bytes) else None


def xor(left, right):
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def sha1(*parts):
    return hashlib.sha1(b"".join(parts)).digest()


def read_keys(text):
    """The (S, SKEY) of each line of a key log that is one."""
    return [tuple(map(bytes.fromhex, line.groups())) for line in map(KEYS_LINE.fullmatch, text.splitlines()) if line]


def connections(pcapng, keys=()):
    """The connections of a capture, and what was said in them.

    Those with a tracker are left out. Any other that is neither plain, nor plaintext after MSE, nor opened by a key is a
    mismatch.
    """
    found = {flow: stream for flow, stream in streams(pcapng).items() if not stream.bytes.startswith(HTTP)}
    result = []
    for (a, b), stream in found.items():
        if (b, a) in found and not any({a, b} == {other.a, other.b} for other in result):
            result.append(decode(a, b, {(a, b): stream, (b, a): found[b, a]}, keys))
    return result


def decode(a, b, both, keys):
    if any(stream.bytes.startswith(PROTOCOL) for stream in both.values()):
        return Connection(a, b, both, {flow: stream.bytes for flow, stream in both.items()})
    for initiator, responder in ((a, b), (b, a)):  # over uTP, the first that was captured need not be the initiator's
        for secret, info_hash in keys:
            position = both[initiator, responder].bytes.find(sha1(b"req1", secret), KEY_LENGTH)
            if KEY_LENGTH <= position <= KEY_LENGTH + PAD_LIMIT:
                return with_key(initiator, responder, both, secret, info_hash, position)
    for initiator, responder in ((a, b), (b, a)):
        connection = without_key(initiator, responder, both)
        if connection:
            return connection
    raise Mismatch(f"{a} and {b} are encrypted, and no key opens that")


def with_key(a, b, both, secret, info_hash, position):
    a_to_b, b_to_a = both[a, b].bytes, both[b, a].bytes
    hashes = position + 2 * HASH_LENGTH
    if a_to_b[position + HASH_LENGTH:hashes] != xor(sha1(b"req2", info_hash), sha1(b"req3", secret)):
        raise Mismatch(f"{a} asks {b} for another torrent than the key log says")

    from_a = Decrypting(sha1(b"keyA", secret, info_hash), a_to_b, hashes)
    vc = from_a.read(len(VC))
    provide = from_a.number(4)
    pad_c = len(from_a.read(from_a.number(2)))
    ia = from_a.read(from_a.number(2))

    key_b = sha1(b"keyB", secret, info_hash)
    vc_at = b_to_a.find(RC4(key_b).take(len(VC)), KEY_LENGTH)
    if vc != VC or not KEY_LENGTH <= vc_at <= KEY_LENGTH + PAD_LIMIT:
        raise Mismatch(f"no verification constant between {a} and {b}")
    from_b = Decrypting(key_b, b_to_a, vc_at)
    from_b.read(len(VC))
    select = from_b.number(4)
    pad_d = len(from_b.read(from_b.number(2)))
    if select not in METHODS or not provide & select:
        raise Mismatch(f"{b} selects {select} where {a} provides {provide}")

    method = METHODS[select]
    payload_at = {(a, b): from_a.position, (b, a): from_b.position}
    plain = {(a, b): ia + from_a.rest(method), (b, a): from_b.rest(method)}
    pad_lengths = {"a": position - KEY_LENGTH, "b": vc_at - KEY_LENGTH, "c": pad_c, "d": pad_d}
    return Connection(a, b, both, plain, method, payload_at, info_hash, provide, select, ia, pad_lengths)


def without_key(a, b, both):
    """MSE and then plaintext: B's payload begins with the handshake, A's with that or, after an IA, with a message."""
    a_to_b, b_to_a = both[a, b].bytes, both[b, a].bytes
    least_a, least_b = KEY_LENGTH + 2 * HASH_LENGTH + len(VC) + 4 + 2 + 2, KEY_LENGTH + len(VC) + 4 + 2
    b_at = b_to_a.find(PROTOCOL, least_b, least_b + 2 * PAD_LIMIT + len(PROTOCOL))
    if b_at < 0:
        return None
    a_at = a_to_b.find(PROTOCOL, least_a, least_a + 2 * PAD_LIMIT + len(PROTOCOL))
    if a_at < 0:
        chains = range(least_a, least_a + 2 * PAD_LIMIT + HANDSHAKE_LENGTH + 1)
        a_at = next((at for at in chains if at < len(a_to_b) and is_chain(a_to_b[at:])), len(a_to_b))
    return Connection(a, b, both, {(a, b): a_to_b[a_at:], (b, a): b_to_a[b_at:]}, "plaintext",
                      {(a, b): a_at, (b, a): b_at})


def is_chain(data):
    """Whether it is messages and nothing else, to the last byte."""
    offset = 0
    while offset + 4 <= len(data):
        length = struct.unpack_from(">I", data, offset)[0]
        if length and (offset + 4 == len(data) or data[offset + 4] not in KNOWN_MESSAGES):
            return False
        offset += 4 + length
    return offset == len(data)


def messages(plain):
    """Id and payload of each message of what a peer said, with or without its handshake."""
    offset = HANDSHAKE_LENGTH if plain.startswith(PROTOCOL) else 0
    while offset + 4 <= len(plain):
        length = struct.unpack_from(">I", plain, offset)[0]
        message = plain[offset + 4:offset + 4 + length]
        if message:
            yield message[0], message[1:]
        offset += 4 + length


def dont_haves(found):
    """Of connections: {(sender, receiver): [piece]}, in the order in which they were sent."""
    ids = {}
    for connection in found:
        for (sender, receiver), plain in connection.plain.items():
            for kind, payload in messages(plain):
                assigned = kind == EXTENDED and payload[0] == 0 and re.search(rb"11:lt_donthavei(\d+)e", payload)
                if assigned:
                    ids[receiver, sender] = int(assigned[1])
    return {flow: [int.from_bytes(payload[1:], "big") for kind, payload in messages(plain)
                   if kind == EXTENDED and payload[0] != 0 and payload[0] == ids.get(flow)]
            for connection in found for flow, plain in connection.plain.items()}


def beside(capture, ending):
    """The file NAME.ending of a capture NAME.pcapng.gz."""
    return capture.with_name(capture.name.partition(".")[0] + ending)


def keys_beside(capture):
    file = beside(capture, ".keys")
    return read_keys(file.read_text()) if file.exists() else []


def main():
    for capture in map(pathlib.Path, sys.argv[1:]):
        found = connections(gzip.decompress(capture.read_bytes()), keys_beside(capture))
        pieces = dont_haves(found)
        print(f"{capture.name}: {sum(map(len, pieces.values()))} DontHaves")
        for connection in found:
            print(f"  {connection.a} to {connection.b}: {connection.method}")
            for flow, position in (connection.payload_at or {}).items():
                print(f"    payload of {flow[0]} from byte {position} on, frame {connection.payload_frame(flow)}")
            for sender, receiver in connection.plain:
                for piece in pieces[sender, receiver]:
                    print(f"    {sender} has no longer piece {piece}")


if __name__ == "__main__":
    try:
        main()
    except (Mismatch, FileNotFoundError) as error:
        sys.exit(f"mse.py: {error}")
