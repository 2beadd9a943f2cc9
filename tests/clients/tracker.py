#!/usr/bin/env python3
"""An HTTP tracker (BEP 3): it names to a client that lacks something the clients that lack nothing.

So a leecher connects to the seeds, and no seed connects to a leecher. Prints JSON lines: listening when it is ready, and
announce for each announcement: endpoint (of the client), left (bytes that it lacks), and peers (how many it was told of).
"""

import argparse
import http.server
import json
import signal
import socket
import sys
import urllib.parse

from networks import endpoint
from sample_torrent import bencode

INTERVAL = 3600  # seconds: once is enough


def emit(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


class Tracker(http.server.BaseHTTPRequestHandler):
    seeds = set()

    def do_GET(self):
        if not urllib.parse.urlsplit(self.path).path.endswith("/announce"):  # Transmission asks for a scrape, too
            return self.send_error(http.HTTPStatus.NOT_FOUND)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, encoding="latin-1")
        client = self.client_address[0], int(query["port"][0])
        left = int(query["left"][0])
        peers = b""
        if query.get("event") == ["stopped"]:
            self.seeds.discard(client)
        elif left == 0:
            self.seeds.add(client)
        else:
            peers = b"".join(socket.inet_aton(address) + port.to_bytes(2, "big") for address, port in sorted(self.seeds))
        answer = bencode({"interval": INTERVAL, "peers": peers})  # BEP 23
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        return emit("announce", endpoint="%s:%d" % client, left=left, peers=len(peers) // 6)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=endpoint, default=("127.0.0.1", 0), metavar="ADDRESS:PORT")
    server = http.server.ThreadingHTTPServer(parser.parse_args().listen, Tracker)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    emit("listening", address=server.server_address[0], port=server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
