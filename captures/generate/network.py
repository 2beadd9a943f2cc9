"""Packets below BitTorrent: TCP and UDP headers, IPv4 and IPv6, and the link layers that captures come with.

Everything that a receiver would check is right: lengths, checksums, and the pseudo header's part in them.
"""

import ipaddress
import struct

ICMP = 1
IP_IN_IP = 4
TCP = 6
UDP = 17

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

MACS = {False: bytes.fromhex("025400000001"), True: bytes.fromhex("025400000002")}


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Address:
    """An IP address and a port, with what the headers need computed once."""

    def __init__(self, host, port):
        ip = ipaddress.ip_address(host)
        self.host, self.port, self.packed, self.version = host, port, ip.packed, ip.version


def with_checksum(segment, offset, protocol, source, destination):
    pseudo = source.packed + destination.packed + struct.pack(">II", len(segment), protocol)
    return segment[:offset] + struct.pack(">H", checksum(pseudo + segment)) + segment[offset + 2:]


def tcp_segment(source, destination, seq, ack, flags, payload=b""):
    header = struct.pack(">HHIIBBHHH", source.port, destination.port, seq, ack, 5 << 4, flags, 65535, 0, 0)
    return with_checksum(header + payload, 16, TCP, source, destination)


def udp_datagram(source, destination, payload):
    header = struct.pack(">HHHH", source.port, destination.port, 8 + len(payload), 0)
    return with_checksum(header + payload, 6, UDP, source, destination)


def ipv4_packet(source, destination, protocol, payload, number, fragment):
    """`number` is the packet's identification, `fragment` its flags and fragment offset (RFC 791)."""
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), number, fragment, 64, protocol, 0)
    header += source.packed + destination.packed
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def ip_packet(source, destination, protocol, payload):
    """An IPv4 packet (never fragmented) or an IPv6 packet, by the version of the addresses."""
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + source.packed + destination.packed + payload
    return ipv4_packet(source, destination, protocol, payload, 0, 0x4000)


def ip_fragments(source, destination, protocol, payload, number, at):
    """An IPv4 packet in two fragments; `at` is the offset of the second, a multiple of 8."""
    return (ipv4_packet(source, destination, protocol, payload[:at], number, 0x2000),
            ipv4_packet(source, destination, protocol, payload[at:], number, at // 8))


def icmp_unreachable(router, packet):
    """What a router tells the sender of an IPv4 packet that it could not deliver. It quotes the packet (RFC 1812, 4.3.2.3)."""
    message = struct.pack(">BBHI", 3, 1, 0, 0) + packet
    message = message[:2] + struct.pack(">H", checksum(message)) + message[4:]
    header = struct.pack(">BBHHHBBH", 0x45, 0xC0, 20 + len(message), 0, 0, 64, ICMP, 0) + router.packed + packet[12:16]
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + message


def ethertype(packet):
    return struct.pack(">H", 0x86DD if packet[0] >> 4 == 6 else 0x0800)


def ethernet(packet, answer):
    """`answer` is true for packets of the side that accepted the connection."""
    return MACS[not answer] + MACS[answer] + ethertype(packet) + packet


def vlan(packet, answer):
    """Ethernet with an 802.1Q tag, VLAN 54."""
    return MACS[not answer] + MACS[answer] + struct.pack(">HH", 0x8100, 54) + ethertype(packet) + packet


def raw_ip(packet, answer):
    return packet


def linux_cooked(packet, answer):
    """SLL, what `tcpdump -i any` writes, seen from the side that opened the connection."""
    direction = 0 if answer else 4
    return struct.pack(">HHH8s", direction, 1, 6, MACS[answer]) + ethertype(packet) + packet


def ip_in_ip_in_udp(packet, answer):
    """An IPv4 packet in another one, in GTP-U over UDP (3GPP TS 29.281); the addresses are the same all the way."""
    source, destination = (Address(".".join(map(str, packet[begins:begins + 4])), 2152) for begins in (12, 16))
    inner = ipv4_packet(source, destination, IP_IN_IP, packet, 0, 0x4000)
    tunnel = struct.pack(">BBHI", 0x30, 0xFF, len(inner), 54) + inner
    return ethernet(ip_packet(source, destination, UDP, udp_datagram(source, destination, tunnel)), answer)


# LINKTYPE_ values of https://www.tcpdump.org/linktypes.html
LINKTYPES = {ethernet: 1, vlan: 1, raw_ip: 101, linux_cooked: 113, ip_in_ip_in_udp: 1}
