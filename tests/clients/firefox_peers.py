#!/usr/bin/env python3
"""Two WebRTC peers in one page of a headless Firefox: npm wires over its data channel, as in browser_peers.mjs.

  firefox_peers.py --keys FILE [--dtls 1.2|1.3] [OPTION OF THE PAGE...]     --fast, --both, --channels=2 ...

Prints the page's events as JSON lines; Firefox writes the keys of the connection to FILE, as SSLKEYLOGFILE tells it. It
gets a profile of its own, which is made so that it asks nothing of anybody.

Needs Debian's firefox-esr, and the npm packages (npm_clients.py); esbuild makes one script for the page of them.
"""

import argparse
import functools
import http.server
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import npm_clients

FIREFOX = "firefox-esr"
DTLS = {"1.2": 771, "1.3": 772}  # as preferences and packets have them
PAGE = b"<!doctype html><meta charset=utf-8><title>peers</title><script src=peers.js></script>"
STOP_SECONDS = 10
ADDRESS = "127.0.0.1"
PREFERENCES = {
    "media.peerconnection.ice.obfuscate_host_addresses": False,  # or there would be mDNS
    "network.manage-offline-status": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", required=True, metavar="FILE")
    parser.add_argument("--dtls", choices=DTLS, default="1.3", help="the newest version that Firefox offers")
    parser.add_argument("--time-limit", type=float, default=60, metavar="SECONDS")
    return parser.parse_known_args()


def emit(event):
    print(json.dumps(event), flush=True)


def bundle():
    """One script for the page, of browser_peers.mjs and the npm packages that it uses."""
    folder = npm_clients.default_folder()
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = ["node", esbuild, folder / "browser_peers.mjs", "--bundle", "--platform=browser", "--format=iife"]
    return subprocess.run([*command, "--log-level=warning"], check=True, stdout=subprocess.PIPE).stdout


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the page and its script, and takes the page's events."""

    def __init__(self, script, events, *rest):
        self._files = {"/": ("text/html", PAGE), "/peers.js": ("text/javascript", script)}
        self._events = events
        super().__init__(*rest)

    def do_GET(self):
        kind, content = self._files.get(urllib.parse.urlsplit(self.path).path, (None, None))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self._events.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Firefox:
    """A headless Firefox that shows one page, while the context lasts."""

    def __init__(self, url, dtls, keys):
        self._url = url
        self._keys = keys
        self._preferences = {**PREFERENCES, "media.peerconnection.dtls.version.max": DTLS[dtls]}

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
        profile = pathlib.Path(self._folder.name, "profile")
        profile.mkdir()
        profile.joinpath("user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in self._preferences.items()))
        self._process = subprocess.Popen(
            [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), self._url],
            env={**os.environ, "HOME": self._folder.name, "SSLKEYLOGFILE": str(self._keys)},
            stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):  # its other processes are in the same session
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(STOP_SECONDS)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self._folder.cleanup()


def main():
    options, page_options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    events = queue.Queue()
    server = http.server.ThreadingHTTPServer((ADDRESS, 0), functools.partial(Handler, bundle(), events))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    emit({"event": "listening", "address": ADDRESS})
    query = "&".join(option.removeprefix("--") for option in page_options)
    with Firefox(f"http://{ADDRESS}:{server.server_port}/?{query}", options.dtls, options.keys):
        event = {"event": None}
        while event["event"] not in ("done", "error"):
            try:
                event = events.get(timeout=options.time_limit)
            except queue.Empty:
                event = {"event": "error", "raw": f"nothing from the page within {options.time_limit} s"}
            emit(event)
    return 1 if event["event"] == "error" else 0


if __name__ == "__main__":
    sys.exit(main())
