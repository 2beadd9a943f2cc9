#!/usr/bin/python3
"""Records captures/dtls/other_dtls.pcapng.gz and its keys: DTLS that is not WebRTC, between two openssl programs on loopback.

    unshare --net captures/record/other_dtls.py        needs dumpcap, iproute2 and openssl

The first connection is at CoAP's port, the second at one that nobody owns. In both one side says CoAP (RFC 7252), zeros, random
bytes and text.
"""

import gzip
import pathlib
import random
import subprocess
import tempfile
import time

TARGET = pathlib.Path(__file__).resolve().parents[1] / "dtls" / "other_dtls"
PORTS = 5684, 40001
TEXTS = [bytes.fromhex("4401000174657374" "b16113747661"), bytes(40), random.Random(54).randbytes(100),
         b"This is not SCTP, not even nearly.\n"]


def talk(folder, port):
    common = ["-dtls1_2", "-quiet", "-keylogfile", str(folder / "keys")]
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-key", folder / "key.pem", "-cert",
                               folder / "cert.pem", *common[:2]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *common], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    for text in TEXTS:
        client.stdin.write(text)
        client.stdin.flush()
        time.sleep(0.2)
    for process in (client, server):
        process.terminate()
        process.wait()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=example", "-days", "30", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, stderr=subprocess.DEVNULL)
        dumpcap = subprocess.Popen(["dumpcap", "-q", "-P", "-i", "lo", "-w", folder / "capture.pcap"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(2)
        for port in PORTS:
            talk(folder, port)
        time.sleep(1)
        dumpcap.terminate()
        dumpcap.wait()
        subprocess.run(["editcap", "-F", "pcapng", folder / "capture.pcap", folder / "capture.pcapng"], check=True)
        TARGET.parent.mkdir(exist_ok=True)
        with open(TARGET.with_suffix(".pcapng.gz"), "wb") as file, \
                gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
            compressed.write((folder / "capture.pcapng").read_bytes())
        keys = (folder / "keys").read_text().splitlines()
        TARGET.with_suffix(".keys").write_text("".join(line + "\n" for line in keys if not line.startswith("#")))


main()
