#!/usr/bin/env python3
"""Writes the seeds of fuzz_sctp_flow.c to the folder corpus_sctp_flow: the SCTP packets of the captures webrtc-* of
captures/generate, one file each, and of DTLS nothing."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "captures" / "generate"))

import dtls_records
import families  # noqa: F401  (registers the captures)
from capture import CAPTURES, Trace

FROM_B, SAME_FRAME, TAG_SHIFT = 1, 2, 2
HEADER = 12


def packets(file_name):
    """The packets that a generator hands to DTLS: (whether the client sends it, whether it is the first of its frame, bytes)."""
    found = []
    send = dtls_records.Dtls.send

    def listen(self, sender, *texts):
        found.extend((sender is self.client, index == 0, text) for index, text in enumerate(texts))
        return send(self, sender, *texts)

    dtls_records.Dtls.send = listen
    try:
        fill, link, connect = CAPTURES[file_name]
        fill(Trace(link, connect))
    finally:
        dtls_records.Dtls.send = send
    return found


def seed(file_name):
    """Tags become small numbers, also where INIT and INIT ACK name them."""
    all_packets = packets(file_name)
    tags = {bytes(4): 0}
    for _, _, packet in all_packets:
        tags.setdefault(packet[4:8], len(tags))
    parts = []
    for client, first, packet in all_packets:
        chunks = packet[HEADER:]
        if chunks[0] in (1, 2) and chunks[4:8] in tags:
            chunks = chunks[:4] + bytes([0, 0, 0, tags[chunks[4:8]]]) + chunks[8:]
        how = tags[packet[4:8]] % 8 << TAG_SHIFT | (0 if client else FROM_B) | (0 if first else SAME_FRAME)
        parts.append(bytes([how]) + len(chunks).to_bytes(2, "big") + chunks)
    return b"".join(parts)


def main():
    folder = HERE / "corpus_sctp_flow"
    folder.mkdir(exist_ok=True)
    for name in sorted(CAPTURES):
        if name.startswith("webrtc-") and name != "webrtc-not-sctp.pcap":
            (folder / name.partition(".")[0].removeprefix("webrtc-")).write_bytes(seed(name))


if __name__ == "__main__":
    main()
