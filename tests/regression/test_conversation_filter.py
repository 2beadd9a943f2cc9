"""The conversation filter "BitTorrent connection", which Wireshark's window offers for a packet: over TCP and uTP, IPv4 and IPv6."""

import pytest

from many import ROOT


@pytest.mark.parametrize("capture, stream", [
    ("interleaved", "tcp.stream"), ("carrier-ipv6", "tcp.stream"), ("utp-order-ipv6", "udp.stream"),
    (ROOT / "captures" / "libtorrent_utp_three.pcapng.gz", "udp.stream"),
], ids=lambda part: getattr(part, "name", part))
def test_connection(two_passes, capture, stream):
    """From each packet in which BitTorrent was found it leads to all packets of the connection, and to no others but those
    of ICMP that quote one. From these it leads nowhere."""
    streams = dict(line.split("\t") for line in two_passes.read(
        capture, "-Y", "!icmp", "-T", "fields", "-e", "frame.number", "-e", stream).splitlines())
    filters = {}
    for line in two_passes.probe(capture, "filter"):
        frame, _, where = line.partition(" ")
        filters.setdefault(streams[frame], set()).add(where)
    assert filters
    for number, ways in list(filters.items())[:4]:
        for where in ways:          # from either end
            found = two_passes.read(capture, "-Y", f"({where}) && !icmp", "-T", "fields", "-e", "frame.number").split()
            assert found == [frame for frame, of in streams.items() if of == number]


@pytest.mark.parametrize("capture", ["other-udp", "utp-only-dht"])
def test_other_traffic(one_pass, capture):
    """It is not offered where there is no BitTorrent."""
    assert one_pass.probe(capture, "filter") == []
