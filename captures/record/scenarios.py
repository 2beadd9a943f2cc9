"""What is recorded: each function is one capture, named like it. A recording is given, with the network ready.

The connections of mse_* are encrypted, and the client's secrets are logged. They are in the folder captures/encrypted;
those of WebRTC (werift_*, webtorrent_webrtc, firefox_*) with their keys in captures/webrtc.
"""

import networks
from downloads import (debian_root, encrypted_download, encrypted_torrent_clients, encryption_options, firefox_peers,
                       libtorrent_download, listening_at, npm_wires, start_seed, webrtc_wires,
                       webrtc_wires_on_a_bad_path, webtorrent_download, webtorrent_over_webrtc)
from running import CLIENTS, DEBIAN_PYTHON, free_port, libtorrent_command, with_keys
from torrent_clients import QBittorrent, Transmission

SMALL_BLOCK = 0x1000  # where two connections would make a large capture: what is encrypted cannot be compressed


def libtorrent_tcp_fast(recording):
    """A libtorrent leecher at a libtorrent seed that lost three files, over TCP."""
    libtorrent_download(recording, "tcp")


def libtorrent_utp(recording):
    """The same over uTP."""
    libtorrent_download(recording, "utp")


def libtorrent_utp_three(recording):
    """Three leechers at once, at one seed, over uTP: all connections share the seed's UDP port."""
    libtorrent_download(recording, "utp", leechers=3)


def libtorrent_utp_trixie(recording):
    """The seed is the libtorrent of Debian trixie."""
    root = recording.use(debian_root("trixie"))
    libtorrent_download(recording, "utp", seed_command=root.command)


def libtorrent_utp_forky(recording):
    """The leecher is the libtorrent of Debian forky."""
    root = recording.use(debian_root("forky"))
    libtorrent_download(recording, "utp", leecher_command=root.command)


def libtorrent_utp_lossy(recording):
    """Over a path that delays, drops, holds back and duplicates packets.

    Captured on the leecher's side of the relay, so what is dropped on its way to the leecher is not in the capture.
    """
    seed_side = recording.use(networks.Neighbour("seed", "10.54.1.1", "10.54.1.2"))
    leecher_side = recording.use(networks.Neighbour("leecher", "10.54.2.1", "10.54.2.2"))
    seed = start_seed(recording, "utp", lambda *options: seed_side.command(libtorrent_command(*options)),
                      seed_side.address)
    relay = recording.start("relay", [
        DEBIAN_PYTHON, CLIENTS / "udp_relay.py", "--listen", f"{leecher_side.our_address}:0", "--to", listening_at(seed),
        "--drop", "0.08", "--hold-back", "0.10", "--duplicate", "0.06"])
    with recording.capture(leecher_side.interface):
        recording.start_receiver("leecher 1", leecher_side.command(libtorrent_command(
            "leech", "--address", leecher_side.address, "--transport", "utp", "--connect", listening_at(relay),
            "--quiet", 20))).wait_until_ended()


def webtorrent_leecher(recording):
    """A WebTorrent leecher, which asks again and again for the pieces that the libtorrent seed has disowned."""
    webtorrent_download(recording, "tcp")


def webtorrent_short(recording):
    """The same for a few requests only: what tools/decode shows of it fits on a screen."""
    webtorrent_download(recording, "tcp", failures=4)


def webtorrent_leecher_utp(recording):
    """The same over uTP."""
    webtorrent_download(recording, "utp")


def mse_default_tcp(recording):
    """A libtorrent leecher at a libtorrent seed, with default settings: MSE, then plaintext."""
    encrypted_download(recording, "tcp", "default")


def mse_default_utp(recording):
    """The same over uTP."""
    encrypted_download(recording, "utp", "default")


def mse_default_delay(recording):
    """The same over TCP, and a path that delays by 25 ms each way, captured on the leecher's side of the relay."""
    seed_side = recording.use(networks.Neighbour("seed", "10.54.1.1", "10.54.1.2"))
    leecher_side = recording.use(networks.Neighbour("leecher", "10.54.2.1", "10.54.2.2"))
    options = encryption_options("default")
    seed = start_seed(recording, "tcp", lambda *arguments: seed_side.command(libtorrent_command(*arguments)),
                      seed_side.address, options)
    relay = recording.start("relay", [DEBIAN_PYTHON, CLIENTS / "tcp_relay.py", "--listen", f"{leecher_side.our_address}:0",
                                      "--to", listening_at(seed)])
    with recording.capture(leecher_side.interface):
        recording.start_receiver("leecher 1", leecher_side.command(with_keys(recording.keys_file, libtorrent_command(
            "leech", "--address", leecher_side.address, "--connect", listening_at(relay), *options)))).wait_until_ended()


def mse_rc4_tcp(recording):
    """A libtorrent leecher at a libtorrent seed that both insist on RC4."""
    encrypted_download(recording, "tcp", "rc4")


def mse_rc4_utp(recording):
    """The same over uTP."""
    encrypted_download(recording, "utp", "rc4")


def mse_webtorrent(recording):
    """WebTorrent at a libtorrent seed, both with default settings: MSE, then plaintext."""
    webtorrent_download(recording, "tcp", failures=40, encryption="default")


def mse_webtorrent_rc4(recording):
    """WebTorrent at a libtorrent seed that takes RC4 where it has the choice."""
    webtorrent_download(recording, "tcp", failures=40, encryption="prefer-rc4")


def mse_transmission(recording):
    """Transmission at Transmission, RC4. Neither knows lt_donthave."""
    encrypted_torrent_clients(recording, Transmission, Transmission)


def mse_transmission_qbittorrent(recording):
    """Transmission at qBittorrent, RC4."""
    encrypted_torrent_clients(recording, QBittorrent, Transmission)


def mse_qbittorrent(recording):
    """qBittorrent at qBittorrent, RC4. No file is lost, so there is no DontHave."""
    encrypted_torrent_clients(recording, QBittorrent, QBittorrent)


def npm_nofast(recording):
    """npm wires without the Fast extension: a DontHave silently ends the requests."""
    npm_wires(recording)


def npm_fast(recording):
    """npm wires with the Fast extension: each request that a DontHave ended is rejected too."""
    npm_wires(recording, "--fast")


def npm_ids(recording):
    """npm wires, DontHaves in both directions, with the id 6 in one and 1 in the other."""
    npm_wires(recording, "--both", "--other-extensions", 5)


def werift_nofast(recording):
    """npm wires over WebRTC, without Fast. Each message of the data channel is what a wire wrote at once."""
    webrtc_wires(recording)


def werift_fast(recording):
    """The same with the Fast extension."""
    webrtc_wires(recording, "--fast")


def werift_cut(recording):
    """DontHaves in both directions. Messages of the data channel begin and end anywhere in those of BitTorrent."""
    webrtc_wires(recording, "--both", "--other-extensions", 5, "--cut", 1000, "--block", SMALL_BLOCK)


def werift_channels(recording):
    """Two data channels in one association, a BitTorrent connection in each, at the same time, in both directions."""
    webrtc_wires(recording, "--both", "--channels", 2, "--block", SMALL_BLOCK)


def werift_again(recording):
    """Two associations, one after the other, on the same pair of ports."""
    ports = [free_port(), free_port()]
    webrtc_wires(recording, "--times", 2, "--port", ports[0], "--connect-port", ports[1], "--block", SMALL_BLOCK)


def werift_lossy(recording):
    """Over a path that delays, drops, holds back and duplicates packets: SCTP sends again, and out of order.

    Captured on one side of the relay, so what is dropped on its way there is not in the capture.
    """
    webrtc_wires_on_a_bad_path(recording)


def webtorrent_webrtc(recording):
    """A WebTorrent leecher at a WebTorrent seed that lost pieces, over werift's WebRTC."""
    webtorrent_over_webrtc(recording)


def firefox_dtls12(recording):
    """npm wires in a page of Firefox, with Fast, over DTLS 1.2."""
    firefox_peers(recording, "--dtls", "1.2", "--fast")


def firefox_dtls13(recording):
    """npm wires in a page of Firefox, DontHaves in both directions, over DTLS 1.3."""
    firefox_peers(recording, "--dtls", "1.3", "--both", f"--block={SMALL_BLOCK}")


ALL = {scenario.__name__: scenario for scenario in (
    libtorrent_tcp_fast, libtorrent_utp, libtorrent_utp_three, libtorrent_utp_trixie, libtorrent_utp_forky,
    libtorrent_utp_lossy, webtorrent_leecher, webtorrent_leecher_utp, webtorrent_short, npm_nofast, npm_fast, npm_ids,
    mse_default_tcp, mse_default_utp, mse_default_delay, mse_rc4_tcp, mse_rc4_utp, mse_webtorrent, mse_webtorrent_rc4,
    mse_transmission, mse_transmission_qbittorrent, mse_qbittorrent,
    werift_nofast, werift_fast, werift_cut, werift_channels, werift_again, werift_lossy, webtorrent_webrtc,
    firefox_dtls12, firefox_dtls13)}
