#!/usr/bin/python3
"""Records captures of captures/dtls and their keys: DTLS that is not WebRTC, between two openssl programs on loopback.

    unshare --net captures/record/other_dtls.py NAME...        needs dumpcap, iproute2 and openssl

other_dtls  The first connection is at CoAP's port, the second at one that nobody owns. In both one side says CoAP (RFC 7252),
            zeros, random bytes and text.
srtp        The handshake negotiates SRTP (use_srtp, RFC 5764), which then goes both ways on the same ports as DTLS does, with
            application data between. The headers of RTP are real, what they encrypt is random: nobody here can read it.
"""

import gzip
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "dtls"
HOST = "127.0.0.1"
PORTS = 5684, 40001
SRTP_PORTS = 40002, 40003       # of the server, of the client
SRTP_TAG_LENGTH = 10
PCMU = 0                        # payload type (RFC 3551)
TEXTS = [bytes.fromhex("4401000174657374" "b16113747661"), bytes(40), random.Random(54).randbytes(100),
         b"This is not SCTP, not even nearly.\n"]


class Talk:
    """A DTLS connection from openssl's client to its server."""

    def __init__(self, folder, port, server_options=(), client_options=()):
        self._server = subprocess.Popen(
            ["openssl", "s_server", "-accept", str(port), "-key", folder / "key.pem", "-cert", folder / "cert.pem",
             "-dtls1_2", "-quiet", *server_options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        self._client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{HOST}:{port}", "-dtls1_2", "-quiet", "-keylogfile", folder / "keys",
             *client_options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def say(self, text):
        self._client.stdin.write(text)
        self._client.stdin.flush()
        time.sleep(0.2)

    def answer(self, text):
        self._server.stdin.write(text)
        self._server.stdin.flush()
        time.sleep(0.2)

    def end(self):
        for process in (self._client, self._server):
            process.terminate()
            process.wait()


def talk_of_others(folder):
    for port in PORTS:
        talk = Talk(folder, port)
        for text in TEXTS:
            talk.say(text)
        talk.end()


def srtp_packet(number, source, data):
    """20 ms of sound (RFC 3550, 5.1; RFC 3711, 3.1)."""
    header = struct.pack(">BBHII", 0x80, PCMU, number, 160 * number, source)
    return header + data.randbytes(160 + SRTP_TAG_LENGTH)


def talk_with_srtp(folder):
    """The programs own the ports, so that what is not theirs is sent past them. They ignore it, and with -nbio wait for
    nothing after it."""
    server, client = SRTP_PORTS
    data = random.Random(3711)
    options = ["-use_srtp", "SRTP_AES128_CM_SHA1_80", "-nbio"]
    talk = Talk(folder, server, options, [*options, "-bind", f"{HOST}:{client}"])
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for number in range(8):
            for source, target in ((client, server), (server, client)):
                payload = srtp_packet(number, source, data)
                raw.sendto(struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload, (HOST, 0))
            if number % 2 == 1:
                talk.say(TEXTS[number // 2])
                talk.answer(TEXTS[number // 2][::-1])
    talk.end()


TALKS = {"other_dtls": talk_of_others, "srtp": talk_with_srtp}


def record(name):
    target = FOLDER / name
    with tempfile.TemporaryDirectory() as folder_name:
        folder = pathlib.Path(folder_name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=example", "-days", "30", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, stderr=subprocess.DEVNULL)
        dumpcap = subprocess.Popen(["dumpcap", "-q", "-P", "-i", "lo", "-f", "udp", "-w", folder / "capture.pcap"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(2)
        TALKS[name](folder)
        time.sleep(1)
        dumpcap.terminate()
        dumpcap.wait()
        subprocess.run(["editcap", "-F", "pcapng", folder / "capture.pcap", folder / "capture.pcapng"], check=True)
        FOLDER.mkdir(exist_ok=True)
        with open(target.with_suffix(".pcapng.gz"), "wb") as file, \
                gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
            compressed.write((folder / "capture.pcapng").read_bytes())
        keys = (folder / "keys").read_text().splitlines()
        target.with_suffix(".keys").write_text("".join(line + "\n" for line in keys if not line.startswith("#")))


def main(names):
    if not names or not set(names) <= TALKS.keys():
        sys.exit(f"Usage: unshare --net {sys.argv[0]} {{{','.join(TALKS)}}}...")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in names:
        record(name)


main(sys.argv[1:])
