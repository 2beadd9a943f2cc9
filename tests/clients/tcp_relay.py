#!/usr/bin/env python3
"""A TCP relay that makes a path long: what one end sends reaches the other DELAY later, each way.

Connections that come to --listen go on to --to. What is read from one end at once is written to the other at once, so
what a client sends shortly one after the other still arrives as one flight or as several, as it would over a long path.

Prints JSON lines: listening when it is ready, and done with the number of connections when SIGTERM ends it.
"""

import argparse
import asyncio
import json
import signal

from networks import endpoint

DELAY = 0.025  # seconds
CHUNK = 1 << 16


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--to", type=endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--time-limit", type=float, default=120, metavar="SECONDS")
    return parser.parse_args()


async def carry(reader, writer):
    """Write what is read, and the end of it, later."""
    loop = asyncio.get_running_loop()
    delivered = loop.create_future()
    try:
        while data := await reader.read(CHUNK):
            loop.call_later(DELAY, writer.write, data)
    except ConnectionError:
        pass
    loop.call_later(DELAY, delivered.set_result, None)
    await delivered
    writer.close()


async def relay(options):
    connections = 0

    async def connected(client_reader, client_writer):
        nonlocal connections
        connections += 1
        server_reader, server_writer = await asyncio.open_connection(*options.to)
        await asyncio.gather(carry(client_reader, server_writer), carry(server_reader, client_writer))

    server = await asyncio.start_server(connected, *options.listen)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    address, port = server.sockets[0].getsockname()
    print(json.dumps({"event": "listening", "address": address, "port": port}), flush=True)
    try:
        await asyncio.wait_for(stopped.wait(), options.time_limit)
    except asyncio.TimeoutError:
        pass
    print(json.dumps({"event": "done", "connections": connections}), flush=True)


if __name__ == "__main__":
    asyncio.run(relay(arguments()))
