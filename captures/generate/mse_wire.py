"""The bytes of a connection that is encrypted by Message Stream Encryption (MSE), from what two peers choose.

    A -> B   Ya (96)  PadA  SHA1("req1" S) (20)  SHA1("req2" SKEY) xor SHA1("req3" S) (20)
             RC4_A{ VC (8 zeros)  crypto_provide (4)  len(PadC) (2)  PadC  len(IA) (2)  IA }   then what A says
    B -> A   Yb (96)  PadB  RC4_B{ VC (8)  crypto_select (4)  len(PadD) (2)  PadD }            then what B says

A is the leecher, B the seed. The keys of RC4_A and RC4_B are SHA1("keyA" S SKEY) and SHA1("keyB" S SKEY), and their first 1024
bytes are thrown away. S need not come from a Diffie-Hellman exchange: nobody who only listens can tell.
"""

import dataclasses
import hashlib
import random
import struct

from peer_wire import INFO_HASH, INTERESTED, UNCHOKE, bitfield, dont_have, extension_handshake, handshake, request
from session import ALL, LEECHER_IDS, PIECES, SEED_IDS, TO_LEECHER, TO_SEED

KEY_SIZE = 96
PAD_MAX = 512
VC = bytes(8)
PLAINTEXT, RC4, BOTH = 1, 2, 3
DISCARDED = 1024

NONE, HANDSHAKE, MORE = "none", "handshake", "more"     # what IA has: MORE is the extension handshake, too

A, B = 0, 1


def sha1(*parts):
    return hashlib.sha1(b"".join(parts)).digest()


def arc4(key):
    """The key stream, after what MSE throws away."""
    state = list(range(256))
    i = j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for number in range(1 << 62):
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        if number >= DISCARDED:
            yield state[(state[i] + state[j]) % 256]


@dataclasses.dataclass
class Choices:
    """What the peers choose. Lengths in bytes; said_c and said_d are what stands for the lengths of PadC and PadD if not they."""

    pad_a: int = 0
    pad_b: int = 0
    pad_c: int = 0
    pad_d: int = 0
    provide: int = BOTH
    select: int = RC4
    ia: str = HANDSHAKE
    vc_a: bytes = VC
    vc_b: bytes = VC
    said_c: int = None
    said_d: int = None
    logged_hash: bytes = INFO_HASH


class Wire:
    """A connection; `name` makes its random bytes.

    `flights` are pairs of a side and bytes, what each says before it waits for the other one:

        0  A: Ya, PadA
        1  B: Yb, PadB
        2  A: the two hashes to IA
        3  B: VC to PadD, and B's handshake if A's was in IA
        4  A: what of handshake and extension handshake was not in IA; Interested
        5  B: its handshake, if it had none yet; extension handshake, Bitfield, Unchoke
        6  A: Requests for the pieces 5 and 6
        7  B: DontHave 5, with id 3
        8  A: DontHave 9, with id 7
    """

    def __init__(self, name, choices):
        chance = random.Random(name)
        self.choices = choices
        self.secret = chance.randbytes(KEY_SIZE)
        self.public_keys = chance.randbytes(KEY_SIZE), chance.randbytes(KEY_SIZE)
        self.req1 = sha1(b"req1", self.secret)
        self._streams = tuple(arc4(sha1(word, self.secret, INFO_HASH)) for word in (b"keyA", b"keyB"))
        shaken = [handshake("-LE0001-"), extension_handshake(LEECHER_IDS)]
        in_ia = {NONE: 0, HANDSHAKE: 1, MORE: 2}[choices.ia]
        self.ia = b"".join(shaken[:in_ia])
        seed_shakes = handshake("-SE0001-")

        hashes = self.req1 + bytes(a ^ b for a, b in zip(sha1(b"req2", INFO_HASH), sha1(b"req3", self.secret)))
        said_c = choices.pad_c if choices.said_c is None else choices.said_c
        said_d = choices.pad_d if choices.said_d is None else choices.said_d
        offer = self._encrypt(A, choices.vc_a + struct.pack(">IH", choices.provide, said_c) + bytes(choices.pad_c)
                              + struct.pack(">H", len(self.ia)) + self.ia)
        answer = self._encrypt(B, choices.vc_b + struct.pack(">IH", choices.select, said_d) + bytes(choices.pad_d))
        opening = [self.public_keys[A] + chance.randbytes(choices.pad_a), self.public_keys[B] + chance.randbytes(choices.pad_b)]
        self.handshake_sizes = len(opening[A] + hashes + offer), len(opening[B] + answer)     # IA counts
        self.flights = [
            (A, opening[A]), (B, opening[B]), (A, hashes + offer),
            (B, answer + self.say(B, *([seed_shakes] if in_ia else []))),
            (A, self.say(A, *shaken[in_ia:], INTERESTED)),
            (B, self.say(B, *([] if in_ia else [seed_shakes]), extension_handshake(SEED_IDS), bitfield(ALL, PIECES), UNCHOKE)),
            (A, self.say(A, request(5), request(6))),
            (B, self.say(B, dont_have(TO_LEECHER, 5))),
            (A, self.say(A, dont_have(TO_SEED, 9))),
        ]

    def _encrypt(self, side, data):
        return bytes(byte ^ next(self._streams[side]) for byte in data)

    def say(self, side, *messages):
        """The bytes of what a side says next."""
        data = b"".join(messages)
        return data if self.choices.select == PLAINTEXT else self._encrypt(side, data)

    @property
    def key(self):
        """The line of a key log."""
        return f"MSE {self.secret.hex()} {self.choices.logged_hash.hex()}\n"


def talk(trace, wire, cuts=None, **where):
    """Write a connection, a packet for each flight; `cuts` are offsets by number of the flight. Return the connection and the
    last frame of each flight: without cuts, 4 to 12."""
    peers = trace.connect(trace, **where)
    frames = [(peers.leecher, peers.seed)[side].send_cut(data, at=(cuts or {}).get(number, ()))
              for number, (side, data) in enumerate(wire.flights)]
    return peers, frames
