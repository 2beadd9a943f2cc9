"""What the captures of anomalies share: each connection has addresses of its own.

So all of them can be read as one file, one after another, by one run of tshark: nothing of one capture has a
meaning in another.
"""

import functools
import zlib

from capture import capture

SEED_PORT = 27000

_hosts = {}


def addresses(name, seed_port):
    """Where the peers of a capture are, by its name alone: a new capture changes no other."""
    host = zlib.crc32(name.encode()) & 0xFFFF
    assert _hosts.setdefault(host, name) == name, f"{name} has the addresses of {_hosts[host]}: choose another name"
    high, low = host >> 8, host & 0xFF
    return {"leecher": (f"10.54.{high}.{low}", 40000), "seed": (f"10.55.{high}.{low}", seed_port)}


def story(name, also_utp=False, seed_port=SEED_PORT):
    """Register a function of a Trace and of where the peers are, as capture() does."""
    where = addresses(name, seed_port)

    def register(tell):
        @capture(name, also_utp=also_utp)
        @functools.wraps(tell)
        def fill(trace):
            tell(trace, where)

        return tell

    return register
