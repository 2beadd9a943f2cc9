"""What decryption costs: memory at most 1 % of the bytes decrypted, key stream and instructions in proportion to them.

The same download, a Piece of 987 bytes in each packet, as plain BitTorrent and as MSE with RC4, over TCP and uTP. What the
second takes more is the cost of decryption. TCP puts nothing together here, as each message is one segment.
"""

import os
import subprocess

import pytest
from mse_wire import B, Choices, talk

from capture import Trace
from counting import counted
from fast_wire import FastWire
from peer_wire import piece
from session import begin
from tcp import TcpConnection
from tshark import PLUGINS
from utp import UtpConnection

TRANSPORTS = {"tcp": TcpConnection, "utp": UtpConnection}
SIZE = 1000
MANY = 10_000       # packets
FEW = 500


def download(staging, connect, packets, encrypted, name="costs", missing=None):
    """A capture, and the options to read it with; without each packet whose number is a multiple of missing."""
    trace = Trace(connect=connect)
    block = piece(1, 0, b"\xbe" * (SIZE - 13))
    options = []
    if encrypted:
        made = FastWire(name, Choices(pad_b=20))
        peers, _ = talk(trace, made)
        keys = staging.folder / f"{name}.keys"
        keys.write_text(made.key)
        keys.chmod(0o644)
        options = ["-o", f"bt.peer.mse_keylog_file:{keys}"]
    else:
        peers = begin(trace)
    for number in range(packets):
        said = made.say(B, block) if encrypted else block
        if missing and number % missing == 0:
            peers.seed.skip(said)
        else:
            peers.seed.send(said)
    if missing:
        peers.leecher.acknowledge()
    path = staging.folder / f"{name}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    return path, options


def shown(tshark, path, options):
    return len(tshark.read(path, *options, "-Y", "bittorrent.msg.type == 7", "-T", "fields", "-e", "frame.number").splitlines())


# Counts what is allocated at the same time, and writes the most to the file most in $COUNTED when the program ends; and to
# made, how many bytes libgcrypt enciphered.
COUNTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
static atomic_long now, most, made;
static void add(long size)
{
    long sum = atomic_fetch_add(&now, size) + size;
    if (sum > atomic_load(&most))
        atomic_store(&most, sum);
}
static void *added(void *memory) { add((long)malloc_usable_size(memory)); return memory; }
void *malloc(size_t size) { return added(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return added(__libc_calloc(count, size)); }
void *realloc(void *memory, size_t size)
{
    add(-(long)malloc_usable_size(memory));
    return added(__libc_realloc(memory, size));
}
void free(void *memory) { add(-(long)malloc_usable_size(memory)); __libc_free(memory); }
unsigned gcry_cipher_encrypt(void *handle, void *out, size_t size, const void *in, size_t in_size)
{
    typedef unsigned enciphers(void *, void *, size_t, const void *, size_t);
    atomic_fetch_add(&made, (long)size);
    return ((enciphers *)dlsym(RTLD_NEXT, "gcry_cipher_encrypt"))(handle, out, size, in, in_size);
}
static void write_number(const char *name, long number)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", getenv("COUNTED"), name);
    FILE *file = fopen(path, "w");
    fprintf(file, "%ld", number);
    fclose(file);
}
__attribute__((destructor)) static void tell(void)
{
    write_number("most", atomic_load(&most));
    write_number("made", atomic_load(&made));
}
"""


@pytest.fixture(scope="module")
def counter(staging):
    """A folder with the library."""
    folder = staging.folder / "counter"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "counter.c").write_text(COUNTER)
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-fno-builtin", "-shared", "-fPIC", folder / "counter.c", "-o",
                    folder / "counter.so"], check=True)
    (folder / "counter.so").chmod(0o755)
    return folder


def largest(two_passes, counter, path, options):
    """The most that tshark has allocated at the same time, in bytes."""
    command = two_passes.command(two_passes.arguments(path, *options, "-Y", "frame.number == 1"))
    at = command.index("tshark")
    # One malloc for each allocation, so that no unused part of a block counts.
    subprocess.run([*command[:at], "WIRESHARK_DEBUG_WMEM_OVERRIDE=simple", f"LD_PRELOAD={counter / 'counter.so'}",
                    f"COUNTED={counter}", *command[at:]], check=True, stdout=subprocess.DEVNULL)
    return int((counter / "most").read_text())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_memory(two_passes, staging, counter, transport):
    sizes = {}
    for encrypted in (False, True):
        path, options = download(staging, TRANSPORTS[transport], MANY, encrypted)
        assert shown(two_passes, path, options) == MANY
        sizes[encrypted] = largest(two_passes, counter, path, options)
    assert 0 < sizes[True] - sizes[False] <= MANY * SIZE // 100, sizes


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_key_stream(two_passes, staging, counter, transport):
    """Each pass makes it once, however long it is: time is in proportion to the bytes."""
    for packets in (MANY // 4, MANY):
        path, options = download(staging, TRANSPORTS[transport], packets, True)
        largest(two_passes, counter, path, options)
        made = int((counter / "made").read_text())
        assert 2 * packets * SIZE < made < 2 * (packets * SIZE + 10_000)


def test_instructions(staging):
    """Four times as many packets cost four times as much, whatever each capture costs; in two passes, over TCP and uTP."""
    paths, keys = [], ""
    for transport, connect in TRANSPORTS.items():
        for packets in (0, FEW, 4 * FEW):
            name = f"costs-{transport}-{packets}"
            path, _ = download(staging, connect, packets, True, name)
            paths.append(path)
            keys += (staging.folder / f"{name}.keys").read_text()
    (staging.folder / "all-costs.keys").write_text(keys)
    (staging.folder / "all-costs.keys").chmod(0o644)
    # The first one pays for what is made once.
    _, _, twice = counted(staging, PLUGINS, [paths[0], *paths], staging.folder / "instructions",
                          [("bt.peer.mse_keylog_file", str(staging.folder / "all-costs.keys"))])
    for none, few, many in (twice[1:4], twice[4:7]):
        assert few - none > FEW * SIZE      # each byte is decrypted
        assert 3.6 * (few - none) < many - none < 4.4 * (few - none), f"{none:,}, {few:,} and {many:,} instructions"


def test_key_stream_with_holes(two_passes, staging, counter):
    """Every tenth packet of uTP is missing: the search after each hole makes key stream for the range of places only, and what
    it has made decrypts what was found, so that RC4 never goes back for it. The pieces have no more than one packet, so that
    each hole is closed with the next one."""
    made = []
    for packets in (MANY // 4, MANY):
        path, options = download(staging, UtpConnection, packets, True, missing=10)
        assert shown(two_passes, path, options) == packets - packets // 10
        largest(two_passes, counter, path, options)
        made.append(int((counter / "made").read_text()))
    assert made[1] < 4.1 * made[0]
    assert made[1] < 2.5 * MANY * SIZE
