#!/usr/bin/env python3
"""A UDP relay that behaves like a network: it delays all packets, and drops, holds back and duplicates some if told.

It stands between one client and one server: what comes to --listen goes on to --to, and answers go back to the client
that spoke last. Which packets suffer is drawn from a random generator with a fixed seed. A packet that is held back is
overtaken by later ones.

Prints JSON lines: listening when it is ready, and done with the number of packets of each fate when SIGTERM ends it.
"""

import argparse
import asyncio
import collections
import json
import random
import signal
import socket

DELAY = 0.010
RECEIVE_BUFFER = 1 << 20
HELD_BACK = 0.030  # seconds, on top of the delay


def endpoint(text):
    address, _, port = text.rpartition(":")
    return address, int(port)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--to", type=endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--drop", type=float, default=0, metavar="PROBABILITY")
    parser.add_argument("--hold-back", type=float, default=0, metavar="PROBABILITY")
    parser.add_argument("--duplicate", type=float, default=0, metavar="PROBABILITY")
    parser.add_argument("--spare", type=int, default=0, metavar="PACKETS", help="the first ones are delayed only")
    parser.add_argument("--seed", type=int, default=54)
    parser.add_argument("--time-limit", type=float, default=120, metavar="SECONDS")
    return parser.parse_args()


class BadNetwork:
    """Passes packets on, late, twice or never."""

    def __init__(self, options):
        self._options = options
        self._random = random.Random(options.seed)
        self.fates = collections.Counter()

    def carry(self, deliver):
        """Call deliver as often, and as late, as fate has it."""
        fate = self._fate()
        self.fates[fate] += 1
        if fate == "dropped":
            return
        loop = asyncio.get_running_loop()
        loop.call_later(DELAY + (HELD_BACK if fate == "held back" else 0), deliver)
        if fate == "duplicated":
            loop.call_later(DELAY + HELD_BACK * self._random.random(), deliver)

    def _fate(self):
        if self.fates.total() < self._options.spare:
            return "untouched"
        draw = self._random.random()
        for fate, probability in (("dropped", self._options.drop), ("held back", self._options.hold_back),
                                  ("duplicated", self._options.duplicate)):
            if draw < probability:
                return fate
            draw -= probability
        return "untouched"


class Side(asyncio.DatagramProtocol):
    """The socket towards one of the two ends, and where that end is, once it is known."""

    def __init__(self, network, end=None):
        self.network = network
        self.end = end
        self.other = None

    def connection_made(self, transport):
        self.transport = transport
        # or a burst would lose packets before their fate is drawn
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data, source):
        self.end = source
        self.network.carry(lambda: self.other.send(data))

    def send(self, data):
        if self.end:
            self.transport.sendto(data, self.end)


async def relay(options):
    loop = asyncio.get_running_loop()
    network = BadNetwork(options)
    _, client_side = await loop.create_datagram_endpoint(lambda: Side(network), local_addr=options.listen)
    _, server_side = await loop.create_datagram_endpoint(lambda: Side(network, options.to), local_addr=("0.0.0.0", 0))
    client_side.other, server_side.other = server_side, client_side
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    address, port = client_side.transport.get_extra_info("sockname")
    print(json.dumps({"event": "listening", "address": address, "port": port}), flush=True)
    try:
        await asyncio.wait_for(stopped.wait(), options.time_limit)
    except asyncio.TimeoutError:
        pass
    print(json.dumps({"event": "done", **network.fates}), flush=True)


if __name__ == "__main__":
    asyncio.run(relay(arguments()))
