"""Many captures in one run of tshark, as starting it takes longer than reading them: one behind the other in a file.

So their connections must have addresses of their own.
"""

import bisect
import struct

from tshark import contents, find

PCAP_HEADER = 24
RECORD_HEADER = 16


def count_packets(pcap):
    offset, packets = PCAP_HEADER, 0
    while offset < len(pcap):
        offset += RECORD_HEADER + struct.unpack_from("<I", pcap, offset + 8)[0]
        packets += 1
    return packets


class Many:
    """Synthetic captures of Ethernet as one file, `path`."""

    def __init__(self, staging, captures):
        self.captures, self.first_frames = list(captures), []
        parts, packets = [], 0
        for name in self.captures:
            pcap = contents(find(name))
            self.first_frames.append(packets + 1)
            parts.append(pcap[PCAP_HEADER if parts else 0:])
            packets += count_packets(pcap)
        self.path = staging.folder / f"many-{len(list(staging.folder.iterdir()))}.pcap"
        self.path.write_bytes(b"".join(parts))
        self.path.chmod(0o644)

    def place(self, frame):
        """The capture that a frame of the file comes from, and its frame there."""
        index = bisect.bisect_right(self.first_frames, frame) - 1
        return self.captures[index], frame - self.first_frames[index] + 1
