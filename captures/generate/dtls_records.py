"""DTLS 1.2 (RFC 6347) between two ends, with AES-128-CBC and HMAC-SHA1 (RFC 5246), a cipher that needs little code.

    dtls = Dtls(trace, client, server)      # frames 1 to 4: hello, hello and done, change of the cipher by both
    dtls.send(client, b"...")               # frame 5: one datagram with one record for each of the texts given

No keys are exchanged: both ends know them, and so does KEY_LOG.
"""

import hashlib
import hmac
import struct

from network import UDP, ip_packet, udp_datagram

VERSION = 0xFEFD
RSA_AES_128_CBC_SHA = 0x002F
CHANGE_CIPHER_SPEC, HANDSHAKE, APPLICATION_DATA = 20, 22, 23
CLIENT_HELLO, SERVER_HELLO, SERVER_HELLO_DONE = 1, 2, 14

CLIENT_RANDOM = bytes(range(32))
SERVER_RANDOM = bytes(range(100, 132))
MASTER_SECRET = b"\x42" * 48
MAC_KEY_LENGTH, KEY_LENGTH = 20, 16

# For tls.keylog_file; captures/webrtc/synthetic.keys.
KEY_LOG = f"CLIENT_RANDOM {CLIENT_RANDOM.hex()} {MASTER_SECRET.hex()}\n"


def expand(secret, seed, length):
    """P_SHA256 (RFC 5246, 5)."""
    result, link = b"", seed
    while len(result) < length:
        link = hmac.digest(secret, link, "sha256")
        result += hmac.digest(secret, link + seed, "sha256")
    return result[:length]


def double(number):
    """Times x in the field of AES (FIPS 197, 4.2.1)."""
    return (number << 1 ^ (0x1B if number & 0x80 else 0)) & 0xFF


def s_box():
    """FIPS 197, 5.1.1: the inverse, and an affine transformation."""
    box = [0x63] * 256
    power, inverse = 1, 1
    for _ in range(255):
        power ^= double(power)                      # times 3, which makes all but 0
        for shift in (1, 2, 4):                     # divided by 3
            inverse ^= inverse << shift & 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        rotated = inverse * 0x101
        box[power] = (inverse ^ rotated >> 7 ^ rotated >> 6 ^ rotated >> 5 ^ rotated >> 4) & 0xFF ^ 0x63
    return box


S_BOX = s_box()


class Aes:
    """AES-128, to encrypt only (FIPS 197)."""

    def __init__(self, key):
        words, factor = [list(key[at:at + 4]) for at in range(0, 16, 4)], 1
        for index in range(4, 44):
            word = words[-1]
            if index % 4 == 0:
                word = [S_BOX[byte] for byte in word[1:] + word[:1]]
                word[0] ^= factor
                factor = double(factor)
            words.append([left ^ right for left, right in zip(words[-4], word)])
        self._rounds = [sum(words[at:at + 4], []) for at in range(0, 44, 4)]

    def block(self, text):
        state = [left ^ right for left, right in zip(text, self._rounds[0])]
        for number, key in enumerate(self._rounds[1:], 1):
            state = [S_BOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
            if number < 10:
                state = [double(a) ^ double(b) ^ b ^ c ^ d for column in range(0, 16, 4) for a, b, c, d in (
                    state[column + at:column + 4] + state[column:column + at] for at in range(4))]
            state = [left ^ right for left, right in zip(state, key)]
        return bytes(state)

    def cbc(self, start, text):
        """The start, and the text encrypted block after block."""
        blocks = [start]
        for at in range(0, len(text), 16):
            blocks.append(self.block(bytes(left ^ right for left, right in zip(text[at:at + 16], blocks[-1]))))
        return b"".join(blocks)


def handshake_message(kind, number, body):
    length = len(body).to_bytes(3, "big")
    return bytes([kind]) + length + struct.pack(">H", number) + bytes(3) + length + body


class Dtls:
    def __init__(self, trace, client, server):
        self.trace, self.client, self.server = trace, client, server
        block = expand(MASTER_SECRET, b"key expansion" + SERVER_RANDOM + CLIENT_RANDOM, 2 * (MAC_KEY_LENGTH + KEY_LENGTH))
        mac_keys, keys = block[:2 * MAC_KEY_LENGTH], block[2 * MAC_KEY_LENGTH:]
        self._keys = {client: (mac_keys[:MAC_KEY_LENGTH], Aes(keys[:KEY_LENGTH])),
                      server: (mac_keys[MAC_KEY_LENGTH:], Aes(keys[KEY_LENGTH:]))}
        self._plain, self._numbers = {client: 0, server: 0}, {client: 0, server: 0}
        suite = struct.pack(">H", RSA_AES_128_CBC_SHA)
        hello = struct.pack(">H", VERSION) + CLIENT_RANDOM + b"\0\0\0\2" + suite + b"\1\0"
        answer = struct.pack(">H", VERSION) + SERVER_RANDOM + b"\0" + suite + b"\0"
        self._datagram(client, self._begin(client, HANDSHAKE, handshake_message(CLIENT_HELLO, 0, hello)))
        self._datagram(server, self._begin(server, HANDSHAKE, handshake_message(SERVER_HELLO, 0, answer))
                       + self._begin(server, HANDSHAKE, handshake_message(SERVER_HELLO_DONE, 1, b"")))
        for end in (client, server):
            self._datagram(end, self._begin(end, CHANGE_CIPHER_SPEC, b"\1"))

    def _datagram(self, sender, payload):
        receiver = self.server if sender is self.client else self.client
        return self.trace.add(ip_packet(sender, receiver, UDP, udp_datagram(sender, receiver, payload)),
                              sender is self.server)

    def _begin(self, sender, kind, body):
        """A record before the cipher changes."""
        number = self._plain[sender]
        self._plain[sender] += 1
        return struct.pack(">BHHHIH", kind, VERSION, 0, 0, number, len(body)) + body

    def record(self, sender, data):
        number = self._numbers[sender]
        self._numbers[sender] += 1
        mac_key, aes = self._keys[sender]
        epoch_and_number = struct.pack(">HHI", 1, 0, number)
        head = struct.pack(">BH", APPLICATION_DATA, VERSION)
        text = data + hmac.digest(mac_key, epoch_and_number + head + struct.pack(">H", len(data)) + data, "sha1")
        padding = 15 - len(text) % 16
        body = aes.cbc(hashlib.sha256(mac_key + epoch_and_number).digest()[:16], text + bytes([padding] * (padding + 1)))
        return head + epoch_and_number + struct.pack(">H", len(body)) + body

    def send(self, sender, *texts):
        """One datagram with a record for each text; return its frame."""
        return self._datagram(sender, b"".join(self.record(sender, text) for text in texts))
