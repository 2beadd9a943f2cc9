"""The ports of the clients: those that the system chooses in our network namespace."""

import subprocess

import pytest

from networks import NOBODYS_PORTS
from running import free_port


def test_no_dissector_has_them():
    first, last = NOBODYS_PORTS
    printed = subprocess.run(["tshark", "-G", "decodes"], capture_output=True, text=True, check=True).stdout
    taken = {row for line in printed.splitlines() if (row := tuple(line.split("\t")))[0] in ("tcp.port", "udp.port")}
    assert len(taken) > 500
    assert [row for row in taken if first <= int(row[1]) <= last] == []


@pytest.mark.usefixtures("stage")
def test_they_are_chosen():
    first, last = NOBODYS_PORTS
    assert all(first <= free_port() <= last for _ in range(100))
