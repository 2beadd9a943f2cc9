"""Decrypts DTLS 1.2 and 1.3 in a capture, without Wireshark: datagrams in, the plaintext of application data out.

The keys are those of SSLKEYLOGFILE. What it knows is what WebRTC clients choose: AES-GCM and ChaCha20-Poly1305, no
connection ids, no renegotiation, no key update. Anything else is an error, and nothing is passed over in silence.

Needs Debian's python3-cryptography.
"""

import dataclasses
import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO = 1, 2
SUPPORTED_VERSIONS = 43
DTLS_1_2, DTLS_1_3 = 0xFEFD, 0xFEFC
EPOCH_OF_HANDSHAKE_1_3 = 2
EPOCH_OF_APPLICATION_DATA = {DTLS_1_2: 1, DTLS_1_3: 3}
HELLO_RETRY_REQUEST = hashlib.sha256(b"HelloRetryRequest").digest()  # as random of a ServerHello (RFC 8446, 4.1.3)
TAG = 16


class Undecipherable(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Suite:
    aead: type
    key_length: int
    fixed_iv: int  # bytes of the nonce that come from the handshake; 4: the other 8 are in the record (RFC 5288, 3)
    hash: str


AES_128, AES_256 = Suite(AESGCM, 16, 4, "sha256"), Suite(AESGCM, 32, 4, "sha384")
CHACHA = Suite(ChaCha20Poly1305, 32, 12, "sha256")
SUITES = {
    0xC02B: AES_128, 0xC02F: AES_128, 0xC02C: AES_256, 0xC030: AES_256, 0xCCA8: CHACHA, 0xCCA9: CHACHA,  # DTLS 1.2
    0x1301: AES_128, 0x1302: AES_256, 0x1303: CHACHA,  # DTLS 1.3
}


def read_keys(text):
    """{client random: {label: secret}} of a file in the format of SSLKEYLOGFILE."""
    keys = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            label, client_random, secret = line.split()
            keys.setdefault(bytes.fromhex(client_random), {})[label] = bytes.fromhex(secret)
    return keys


def prf(secret, label, seed, length, hash_name):
    """RFC 5246, 5."""
    seed, output, a = label + seed, b"", label + seed
    while len(output) < length:
        a = hmac.digest(secret, a, hash_name)
        output += hmac.digest(secret, a + seed, hash_name)
    return output[:length]


def expand_label(secret, label, length, hash_name):
    """RFC 8446, 7.1, with the labels of DTLS (RFC 9147, 5.9). No more than one block of the hash is ever needed."""
    full = b"dtls13" + label
    info = struct.pack(">HB", length, len(full)) + full + b"\0"
    return hmac.digest(secret, info + b"\x01", hash_name)[:length]


class Writer12:
    """What one end of a DTLS 1.2 connection has encrypted."""

    def __init__(self, suite, key, iv):
        self._suite, self._iv = suite, iv
        self._aead = suite.aead(key)

    def _parts(self, record):
        """Nonce, additional data, and where the ciphertext begins."""
        kind, version, epoch_and_sequence, _ = struct.unpack_from(">BH8sH", record)
        if self._suite.fixed_iv == 4:
            nonce, at = self._iv + record[13:21], 21
        else:
            nonce, at = xored(self._iv, epoch_and_sequence.rjust(12, b"\0")), 13
        return nonce, epoch_and_sequence + struct.pack(">BHH", kind, version, len(record) - at - TAG), at

    def open(self, record):
        nonce, additional, at = self._parts(record)
        return record[0], self._aead.decrypt(nonce, record[at:], additional)

    def close(self, record, plain):
        """The record as it would be with another text of the same length."""
        nonce, additional, at = self._parts(record)
        return record[:at] + self._aead.encrypt(nonce, plain, additional)


class Writer13:
    """The same for DTLS 1.3, whose records hide their number and their kind (RFC 9147, 4)."""

    def __init__(self, suite, secret):
        self._aead = suite.aead(expand_label(secret, b"key", suite.key_length, suite.hash))
        self._iv = expand_label(secret, b"iv", 12, suite.hash)
        self._number_key = expand_label(secret, b"sn", suite.key_length, suite.hash)
        self._suite = suite
        self._next = 0

    def _mask(self, sample):
        if self._suite.aead is AESGCM:
            return Cipher(algorithms.AES(self._number_key), modes.ECB()).encryptor().update(sample)
        return Cipher(algorithms.ChaCha20(self._number_key, sample), None).encryptor().update(bytes(8))

    def _hide(self, header, body):
        """The header with its number hidden; or, of a hidden one, in the clear."""
        end = 1 + number_length(header)
        return header[:1] + xored(header[1:end], self._mask(body[:16])) + header[end:]

    def _parts(self, record):
        """Sequence number, header in the clear, and ciphertext."""
        header_length = 1 + number_length(record) + (2 if record[0] & 4 else 0)
        body = record[header_length:]
        header = self._hide(record[:header_length], body)
        modulus = 1 << 8 * number_length(record)
        nearest = int.from_bytes(header[1:1 + number_length(record)], "big") - self._next
        return self._next + (nearest + modulus // 2) % modulus - modulus // 2, header, body

    def _nonce(self, sequence):
        return xored(self._iv, sequence.to_bytes(12, "big"))

    def open(self, record):
        sequence, header, body = self._parts(record)
        plain = self._aead.decrypt(self._nonce(sequence), body, header).rstrip(b"\0")
        self._next = max(self._next, sequence + 1)
        return plain[-1], plain[:-1]

    def close(self, record, plain):
        """The record as it would be with another text of the same length."""
        sequence, header, body = self._parts(record)
        padded = (plain + bytes([APPLICATION_DATA])).ljust(len(body) - TAG, b"\0")
        body = self._aead.encrypt(self._nonce(sequence), padded, header)
        return self._hide(header, body) + body


def number_length(record):
    return 2 if record[0] & 8 else 1


def xored(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


class Connection:
    """One DTLS connection: who is client and server, and what they write with, as soon as both have said hello."""

    def __init__(self, client, server, client_random, secrets):
        self.client, self.server, self.client_random = client, server, client_random
        self._secrets = secrets
        self._writers = None
        self.version = None

    def on_server_hello(self, body):
        random = body[2:34]
        if self._writers or random == HELLO_RETRY_REQUEST:
            return
        at = 35 + body[34]
        number = struct.unpack_from(">H", body, at)[0]
        if number not in SUITES:
            raise Undecipherable(f"cipher suite {number:04x}")
        suite = SUITES[number]
        self.version = DTLS_1_3 if number >> 8 == 0x13 else DTLS_1_2
        if self.version == DTLS_1_3:
            self._writers = {end: Writer13(suite, self._secret(f"{name}_TRAFFIC_SECRET_0"))
                             for end, name in ((self.client, "CLIENT"), (self.server, "SERVER"))}
            return
        block = prf(self._secret("CLIENT_RANDOM"), b"key expansion", random + self.client_random,
                    2 * (suite.key_length + suite.fixed_iv), suite.hash)
        keys, ivs = block[:2 * suite.key_length], block[2 * suite.key_length:]
        self._writers = {
            self.client: Writer12(suite, keys[:suite.key_length], ivs[:suite.fixed_iv]),
            self.server: Writer12(suite, keys[suite.key_length:], ivs[suite.fixed_iv:])}

    def _secret(self, label):
        if label not in self._secrets:
            raise Undecipherable(f"no {label} for the connection {self.client_random.hex()}")
        return self._secrets[label]

    def open(self, sender, record):
        if not self._writers:
            raise Undecipherable(f"encrypted before the ServerHello, from {sender}")
        return self._writers[sender].open(record)

    def close(self, sender, record, plain):
        """A record that was opened, with another text of the same length."""
        return self._writers[sender].close(record, plain)


class Decryptor:
    """Follows the DTLS connections of a capture. Two endpoints may have one after another."""

    def __init__(self, keys):
        self._keys = keys
        self._current = {}  # both endpoints: their newest connection
        self._hellos = {}  # parts of a handshake message: (connection's endpoints, sender, number) -> {offset: part}

    def application_data(self, sender, receiver, datagram):
        """The connection and the plaintext of each record of application data in a datagram; none if it is not DTLS."""
        while datagram and 20 <= datagram[0] <= 63:  # RFC 7983, 7
            record, datagram = split(datagram)
            if record[0] == HANDSHAKE and record[3:5] == b"\0\0":
                self._on_handshake(sender, receiver, record[13:])
            elif (opened := self._opened(sender, receiver, record)) is not None:
                yield opened

    def _opened(self, sender, receiver, record):
        connection = self._current.get(frozenset((sender, receiver)))
        if not connection:
            raise Undecipherable(f"no hello between {sender} and {receiver}")
        if record[0] < 32:  # DTLS 1.2, or the open part of a 1.3 handshake
            if record[0] != APPLICATION_DATA:
                return None
            version, epoch = DTLS_1_2, struct.unpack_from(">H", record, 3)[0]
        else:
            version, epoch = DTLS_1_3, record[0] & 3  # its last bits
            if epoch == EPOCH_OF_HANDSHAKE_1_3:
                return None
        if (version, epoch) != (connection.version, EPOCH_OF_APPLICATION_DATA[version]):
            raise Undecipherable(f"a record from {sender} of an epoch that was not expected: {epoch}")
        try:
            kind, plain = connection.open(sender, record)
        except InvalidTag:
            raise Undecipherable(f"a record from {sender} does not fit the key") from None
        return (connection, plain) if kind == APPLICATION_DATA else None

    def _on_handshake(self, sender, receiver, messages):
        """ClientHello and ServerHello; they may come in parts (RFC 9147, 5.5)."""
        while len(messages) >= 12:
            kind, length, number, offset, part_length = (
                messages[0], *(int.from_bytes(messages[a:b], "big") for a, b in ((1, 4), (4, 6), (6, 9), (9, 12))))
            part, messages = messages[12:12 + part_length], messages[12 + part_length:]
            if kind not in (CLIENT_HELLO, SERVER_HELLO):
                continue
            parts = self._hellos.setdefault((sender, receiver, kind, number), {})
            parts[offset] = part
            body = b"".join(parts[at] for at in sorted(parts))
            if len(body) == length:
                parts.clear()
                self._on_hello(sender, receiver, kind, body)

    def _on_hello(self, sender, receiver, kind, body):
        ends = frozenset((sender, receiver))
        known = self._current.get(ends)
        if kind == CLIENT_HELLO:
            client_random = body[2:34]
            if not known or known.client_random != client_random:  # or it is repeated, with a cookie
                self._current[ends] = Connection(sender, receiver, client_random, self._keys.get(client_random, {}))
        elif known:
            known.on_server_hello(body)


def split(datagram):
    """The first record of a datagram, and the rest."""
    if datagram[0] < 32:
        end = 13 + struct.unpack_from(">H", datagram, 11)[0]
    elif datagram[0] & 16:
        raise Undecipherable("a record with a connection id")
    elif datagram[0] & 4:
        at = 3 if datagram[0] & 8 else 2
        end = at + 2 + struct.unpack_from(">H", datagram, at)[0]
    else:
        end = len(datagram)
    return datagram[:end], datagram[end:]
