"""Captures: a list of packets, the pcap file that holds them, and the register of all captures that we generate."""

import gzip
import struct
from pathlib import Path

from network import LINKTYPES, ethernet
from tcp import TcpConnection
from utp import UtpConnection

FOLDER = Path(__file__).resolve().parent.parent / "synthetic"

START = 1_700_000_000_000_000   # µs since 1970: every capture begins in the same second
STEP = 1_000                    # µs from one packet to the next

IPV4 = b"\x45"                  # how an IPv4 packet begins

CAPTURES = {}


class Packet:
    def __init__(self, time, data):
        self.time, self.data, self.length = time, data, len(data)


class Trace:
    """Packets in the order of the file. `frame` numbers begin at 1, as Wireshark's do.

    `connect` is the kind of connection that a story is told over, where it can be told over both TCP and uTP.
    """

    def __init__(self, link=ethernet, connect=TcpConnection):
        self.link = link
        self.connect = connect
        self.packets = []
        self.time = START

    def add(self, ip_packet, answer):
        """Append a packet and return the number of its frame."""
        self.packets.append(Packet(self.time, self.link(ip_packet, answer)))
        self.time += STEP
        return len(self.packets)

    def wait(self, seconds):
        """Let time pass before the next packet."""
        self.time += round(seconds * 1_000_000)

    def repeat(self, frame):
        """Append a copy of an earlier frame: a retransmission."""
        self.packets.append(Packet(self.time, self.packets[frame - 1].data))
        self.time += STEP

    def swap(self, frame, other):
        """Exchange the contents of two frames; the clock goes on as before."""
        a, b = self.packets[frame - 1], self.packets[other - 1]
        a.time, b.time = b.time, a.time
        self.packets[frame - 1], self.packets[other - 1] = b, a

    def take_last(self):
        """Take the last frame out; return its IP packet. The capture did not see it."""
        return self.packets.pop().data[len(self.link(IPV4, False)) - len(IPV4):]

    def drop(self, frames):
        """Take frames out; those after them move up."""
        frames = set(frames)
        self.packets = [packet for number, packet in enumerate(self.packets, 1) if number not in frames]

    def cut(self, snaplen):
        """Keep the first bytes of each packet, as `tcpdump -s` does."""
        for packet in self.packets:
            packet.data = packet.data[:snaplen]

    def pcap(self):
        """The bytes of a pcap file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html"""
        blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINKTYPES[self.link])]
        for packet in self.packets:
            seconds, microseconds = divmod(packet.time, 1_000_000)
            blocks.append(struct.pack("<IIII", seconds, microseconds, len(packet.data), packet.length))
            blocks.append(packet.data)
        return b"".join(blocks)


def capture(name, link=ethernet, compressed=False, also_utp=False):
    """Register a function, which fills a Trace, as the generator of captures/synthetic/NAME.pcap.

    With `also_utp` it tells the same story, frame by frame, in NAME-utp.pcap.
    """

    def register(fill):
        connections = {name: TcpConnection, f"{name}-utp": UtpConnection} if also_utp else {name: TcpConnection}
        for stem, connect in connections.items():
            file_name = f"{stem}.pcap.gz" if compressed else f"{stem}.pcap"
            assert file_name not in CAPTURES, file_name
            CAPTURES[file_name] = (fill, link, connect)
        return fill

    return register


def build(file_name):
    """The contents of one capture, not compressed."""
    fill, link, connect = CAPTURES[file_name]
    trace = Trace(link, connect)
    fill(trace)
    return trace.pcap()


def read(file_name):
    """The contents of the committed file, not compressed; None when there is no such file."""
    path = FOLDER / file_name
    if not path.exists():
        return None
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def write(file_name):
    """Bring one file up to date; return whether it had to change."""
    contents = build(file_name)
    if read(file_name) == contents:
        return False
    FOLDER.mkdir(exist_ok=True)
    if file_name.endswith(".gz"):
        contents = gzip.compress(contents, mtime=0)
    (FOLDER / file_name).write_bytes(contents)
    return True
