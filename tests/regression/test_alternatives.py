"""tools/alternatives answer the same question in other ways: frame and piece of each DontHave, and the requests that it hit."""

import os
import shutil
import subprocess
import sys

import pytest

from many import ROOT

ALTERNATIVES = ROOT / "tools" / "alternatives"
RECORDINGS = sorted((ROOT / "captures").glob("*.pcapng.gz"))


@pytest.fixture(scope="module")
def answers(staging):
    """What the plugin says of a recording."""
    from tshark import Tshark
    known = {}

    def answer(capture):
        if capture not in known:
            printed = Tshark(staging).read(capture, "-Y", "bt.donthave", "-T", "fields", "-e", "frame.number",
                                           "-e", "bt.donthave.piece_index", "-e", "bt.donthave.requests")
            known[capture] = [f"{frame}\t{piece}\t{requests}" for frame, pieces, counts in
                              (line.split("\t") for line in printed.splitlines())
                              for piece, requests in zip(pieces.split(","), counts.split(","))]
        return known[capture]
    return answer


def lines(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env={**os.environ, **environment})
    return done.stdout.splitlines()


@pytest.mark.parametrize("script", ["over_packets.py", "over_ek.py"])
@pytest.mark.parametrize("capture", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
def test_python(answers, capture, script):
    assert answers(capture)
    assert lines([sys.executable, ALTERNATIVES / script, capture]) == answers(capture)


@pytest.mark.parametrize("capture", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
def test_lua(answers, staging, tmp_path, capture):
    """In stock tshark, as a user who may run scripts: tshark runs none for root."""
    script = staging.folder / "donthave.lua"
    shutil.copyfile(ALTERNATIVES / "donthave.lua", script)
    script.chmod(0o644)
    from tshark import Tshark
    command = Tshark(staging).command(["-q", "-X", f"lua_script:{script}", "-r", staging.readable(capture)],
                                      plugins=staging.no_data)
    assert lines(command) == answers(capture)
