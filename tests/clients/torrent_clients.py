"""Clients that are programs for users: Transmission and qBittorrent. They log nothing about their peers.

Each seeds or downloads the sample torrent, and looks for peers at the torrent's tracker alone, if it has one. Started and
ended by the stage that is given, within the context; then `endpoint` is where it listens, and `folder` where its files are.
"""

import json
import os
import pathlib
import socket
import tempfile
import time

import sample_torrent
from running import Failure, free_port

TCP_LISTEN = "0A"  # in /proc/net/tcp


class TorrentClient:
    """What they have in common.

    torrent:  the bytes of the .torrent file
    content:  the length of its pieces, to begin with all files there; None to begin without
    wrap:     what makes the command line that is run of the client's own
    """

    START_SECONDS = 10
    DOWNLOAD_SECONDS = 60
    name = None

    def __init__(self, stage, address, torrent, content=None, wrap=lambda command: command):
        self._stage = stage
        self._address = address
        self._torrent = torrent
        self._content = content
        self._wrap = wrap

    def __enter__(self):
        while not self._start(free_port(self._address)):
            self._client.stop()
        return self

    def __exit__(self, *_):
        self._client.stop()

    def _start(self, port):
        """False if another program took the port in the meantime."""
        self.endpoint = f"{self._address}:{port}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self._stage.folder))
        torrent = self.folder / "sample.torrent"
        torrent.write_bytes(self._torrent)
        if self._content:
            sample_torrent.write_files(self.folder, self._content)
        self._client = self._stage.start(self.name, self._wrap(self._command(port, torrent)))
        deadline = time.monotonic() + self.START_SECONDS
        while not (sockets := listening_sockets(self._address, port)):
            if self._client.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.name} does not listen on {self.endpoint}\n{self._client.output()}")
            time.sleep(0.05)
        return bool(sockets & open_files(self._client.process.pid))

    def _command(self, port, torrent):
        raise NotImplementedError

    def wait_until_complete(self, piece_length):
        """Until it has all files of the torrent."""
        deadline = time.monotonic() + self.DOWNLOAD_SECONDS
        while not sample_torrent.has_files(self.folder, piece_length):
            if self._client.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.name} did not download the torrent\n{self._client.output()}")
            time.sleep(0.1)


class Transmission(TorrentClient):
    """transmission-cli. transport: tcp or utp; encryption: one of the three below."""

    name = "transmission"
    PREFER_PLAIN, PREFER_MSE, REQUIRE_MSE = range(3)

    def __init__(self, *arguments, transport="tcp", encryption=PREFER_PLAIN, **options):
        super().__init__(*arguments, **options)
        self._transport = transport
        self._encryption = encryption

    def _command(self, port, torrent):
        self.folder.joinpath("settings.json").write_text(json.dumps({
            "bind-address-ipv4": self._address, "bind-address-ipv6": "::1", "peer-port": port,
            "utp-enabled": self._transport == "utp", "encryption": self._encryption,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False, "port-forwarding-enabled": False}))
        return ["transmission-cli", "--config-dir", str(self.folder), "--download-dir", str(self.folder), str(torrent)]


class QBittorrent(TorrentClient):
    """qbittorrent-nox, over TCP. encryption: one of the three below."""

    name = "qbittorrent"
    PREFER_MSE, REQUIRE_MSE, DISABLE_MSE = range(3)

    def __init__(self, *arguments, encryption=PREFER_MSE, **options):
        super().__init__(*arguments, **options)
        self._encryption = encryption

    def _command(self, port, torrent):
        settings = self.folder / "qBittorrent" / "config" / "qBittorrent.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(f"""
[LegalNotice]
Accepted=true

[BitTorrent]
Session\\BTProtocol=TCP
Session\\DefaultSavePath={self.folder}
Session\\DHTEnabled=false
Session\\Encryption={self._encryption}
Session\\InterfaceAddress={self._address}
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Port={port}

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\\Address={self._address}
WebUI\\Port={free_port(self._address)}
""")
        return ["qbittorrent-nox", f"--profile={self.folder}", f"--save-path={self.folder}", "--add-paused=false",
                str(torrent)]


def listening_sockets(address, port):
    """The TCP sockets that listen there, by the names that /proc/PID/fd has for them."""
    local = f"{socket.inet_aton(address)[::-1].hex()}:{port:04x}".upper()
    table = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {f"socket:[{row[9]}]" for row in table if row[1] == local and row[3] == TCP_LISTEN}


def open_files(process_id):
    return {os.readlink(file) for file in pathlib.Path(f"/proc/{process_id}/fd").iterdir()}
