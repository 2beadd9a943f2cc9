"""What is recorded: each function is one capture, named like it. A recording is given, with the network ready."""

import networks
from downloads import debian_root, libtorrent_download, listening_at, npm_wires, start_seed, webtorrent_download
from running import CLIENTS, DEBIAN_PYTHON, libtorrent_command


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
        DEBIAN_PYTHON, CLIENTS / "utp_relay.py", "--listen", f"{leecher_side.our_address}:0", "--to", listening_at(seed),
        "--drop", "0.08", "--hold-back", "0.10", "--duplicate", "0.06"])
    with recording.capture(leecher_side.interface):
        recording.start_receiver("leecher 1", leecher_side.command(libtorrent_command(
            "leech", "--address", leecher_side.address, "--transport", "utp", "--connect", listening_at(relay),
            "--quiet", 20))).wait_until_ended()


def webtorrent_leecher(recording):
    """A WebTorrent leecher, which asks again and again for the pieces that the libtorrent seed has disowned."""
    webtorrent_download(recording, "tcp")


def webtorrent_leecher_utp(recording):
    """The same over uTP."""
    webtorrent_download(recording, "utp")


def npm_nofast(recording):
    """npm wires without the Fast extension: a DontHave silently ends the requests."""
    npm_wires(recording)


def npm_fast(recording):
    """npm wires with the Fast extension: each request that a DontHave ended is rejected too."""
    npm_wires(recording, "--fast")


def npm_ids(recording):
    """npm wires, DontHaves in both directions, with the id 6 in one and 1 in the other."""
    npm_wires(recording, "--both", "--other-extensions", 5)


ALL = {scenario.__name__: scenario for scenario in (
    libtorrent_tcp_fast, libtorrent_utp, libtorrent_utp_three, libtorrent_utp_trixie, libtorrent_utp_forky,
    libtorrent_utp_lossy, webtorrent_leecher, webtorrent_leecher_utp, npm_nofast, npm_fast, npm_ids)}
