"""What Wireshark's window does with a capture: any packet, at any time, again and again. sharkd does the same."""

import json
import random
import subprocess

import pytest

from tshark import ROOT

CAPTURES = ["libtorrent_tcp_fast", "webtorrent_leecher_utp"]


def our_titles(lines):
    return sorted(line.strip().strip("[]") for line in lines if line.strip().strip("[]").startswith("BitTorrent DontHave"))


def printed_titles(tshark, path):
    """Our items in each frame, as tshark -2 -V prints them."""
    frames = {}
    for packet in tshark.read(path, "-V").split("\nFrame "):
        number = int(packet.removeprefix("Frame ").split(":")[0])
        frames[number] = our_titles(packet.splitlines())
    return frames


def labels(tree):
    for node in tree:
        yield node.get("l", "")
        yield from labels(node.get("n", []))


def sharkd(tshark, requests):
    """The answers of sharkd, by the id of the request."""
    command = [word if word != "tshark" else "sharkd" for word in tshark.command(["-"])]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
             for number, (method, params) in enumerate(requests, 1)]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {answer["id"]: answer["result"] for answer in answers if "id" in answer}


@pytest.mark.parametrize("name", CAPTURES)
def test_any_packet_at_any_time(two_passes, name):
    """In any order, twice, and after the file was opened again, each frame shows what tshark -2 shows."""
    path = ROOT / "captures" / f"{name}.pcapng.gz"
    expected = printed_titles(two_passes, path)
    assert sum(map(len, expected.values())) > 50

    load = ("load", {"file": str(two_passes.staging.readable(path))})
    order = [*expected, *expected]
    random.Random(54).shuffle(order)
    half = len(order) // 2
    asked = [("frame", {"frame": number, "proto": True}) for number in order]
    requests = [load, *asked[:half], load, *asked[half:]]
    answers = sharkd(two_passes, requests)
    assert len(answers) == len(requests)
    for request, (method, params) in enumerate(requests, 1):
        if method == "frame":
            assert our_titles(labels(answers[request]["tree"])) == expected[params["frame"]], params
