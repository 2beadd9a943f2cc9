"""Peak memory (RSS) that the plugin adds, for requests and for connections. tests/regression/test_memory.py holds the bars."""

import traffic
from bars import MEMORY, OFFERS
from bench import say, table
from growth import requests
from shapes import UTP
from tcp import TcpConnection
from utp import UtpConnection

def added(bench, fill, counts, connect=TcpConnection, options=()):
    """Bytes for one more."""
    sizes = []
    for count in counts:
        capture = bench.write("memory", fill, count, connect=connect)
        ours, stock = (bench.run(plugins, capture, options).peak for plugins in (bench.ours, bench.none))
        sizes.append(ours - stock)
    return (sizes[1] - sizes[0]) / (counts[1] - counts[0])


def measure(bench):
    few = 10 if bench.quick else 1
    rows = [["an outstanding request", f"{added(bench, requests, (10_000 // few, 250_000 // few)):,.0f}", "96"],
            ["a finished request, one in twenty of them hit by a DontHave, whose notes stay",
             f"{2 * added(bench, traffic.one_message_a_packet, (20_000 // few, 400_000 // few)):,.1f}", ""]]
    for connect, over, options in ((TcpConnection, "TCP", ()), (UtpConnection, "uTP", UTP)):
        for words, offers in OFFERS.items():
            size = added(bench, lambda trace, count, offers=offers: traffic.connections(trace, count, offers),
                         (1_000 // few, 10_000 // few), connect, options)
            say(f"a connection over {over} {words}: {size:,.0f} bytes")
            rows.append([f"a connection over {over} {words}", f"{size:,.0f}", f"{MEMORY[over, words].aim:,}"])
    return ["Bytes of peak memory (RSS) that one more of them adds, beside tshark alone:", "",
            *table(["one more", "bytes", "at most (bar)"], rows), "",
            "`tests/regression/test_memory.py` counts what is allocated instead, the same on each run, and that a finished request "
            "takes nothing."]
