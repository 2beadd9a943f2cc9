#!/usr/bin/env python3
"""The DontHaves of a capture from tshark's JSON lines: over_ek.py CAPTURE prints frame, piece, requests.

It runs tshark -T ek with the fields that it needs: the payloads, as tshark itself does not show the messages of uTP.
"""

import json
import subprocess
import sys

from peers import Peers

FIELDS = ["frame.number", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.flags.syn", "tcp.payload",
          "udp.srcport", "udp.dstport", "udp.payload"]


def read(file):
    peers = Peers()
    arguments = [word for field in FIELDS for word in ("-e", field)]
    tshark = subprocess.Popen(["tshark", "-n", "-r", file, "-T", "ek", "-Y", "tcp or udp", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in tshark.stdout:
        if line.startswith(b'{"index"'):
            continue
        layers = json.loads(line)["layers"]

        def field(name):
            values = layers.get(name.replace(".", "_"))
            return values[0] if values else None

        number, hosts = int(field("frame.number")), (field("ip.src"), field("ip.dst"))
        if field("tcp.srcport"):
            source, destination = zip(hosts, (field("tcp.srcport"), field("tcp.dstport")))
            peers.tcp(number, source, destination, int(field("tcp.seq_raw")), field("tcp.flags.syn") in ("1", "true", True),
                      bytes.fromhex((field("tcp.payload") or "").replace(":", "")))
        elif field("udp.payload"):
            source, destination = zip(hosts, (field("udp.srcport"), field("udp.dstport")))
            peers.utp(number, source, destination, bytes.fromhex(field("udp.payload").replace(":", "")))
    if tshark.wait() != 0:
        sys.exit(f"tshark failed with {tshark.returncode}")
    return peers.rows


if __name__ == "__main__":
    for row in read(sys.argv[1]):
        print(*row, sep="\t")
