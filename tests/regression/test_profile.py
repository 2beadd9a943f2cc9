"""The profile `BitTorrent DontHave`, each file as the real program reads it.

tshark reads the preferences, the colouring rules and the filter buttons. The graphs are of Wireshark's window alone: here
tshark computes the same numbers.
"""

import csv
import shutil
import subprocess

import pytest

from tshark import ROOT

PROFILE = "BitTorrent DontHave"
FOLDER = ROOT / "profiles" / PROFILE
SHORT = ROOT / "captures" / "webtorrent_short.pcapng.gz"


@pytest.fixture(scope="module")
def configuration(staging):
    """A personal configuration folder that has the profile."""
    folder = staging.folder / "configuration"
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def read(one_pass, configuration, *arguments, capture=SHORT):
    """What tshark prints with the profile. A file that it cannot parse is an error here."""
    command = one_pass.command(["-C", PROFILE, *one_pass.arguments(capture, *arguments)])
    command.insert(command.index("LC_ALL=C.UTF-8"), f"WIRESHARK_CONFIG_DIR={configuration}")
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    said = done.stderr.decode()
    trouble = "Could not", "Error", "unexpected", "neither", "not a valid"
    assert done.returncode == 0 and not any(word in said for word in trouble), said
    return done.stdout.decode()


def rows(name):
    return [row for row in csv.reader(line for line in (FOLDER / name).read_text().splitlines()
                                      if not line.startswith("#"))]


def test_every_file_is_tested():
    assert sorted(path.name for path in FOLDER.iterdir()) == ["colorfilters", "dfilter_buttons", "io_graphs", "preferences"]


def test_a_wrong_file_is_noticed(one_pass, configuration, staging):
    """The test sees what tshark says of a file that it cannot parse."""
    bad = staging.folder / "bad-configuration"
    shutil.copytree(configuration, bad)
    buttons = bad / "profiles" / PROFILE / "dfilter_buttons"
    buttons.write_text(buttons.read_text().replace('"TRUE"', '"TRUE', 1))
    with pytest.raises(AssertionError, match="dfilter_buttons:1"):
        read(one_pass, bad)
    rules = bad / "profiles" / PROFILE / "colorfilters"
    shutil.copyfile(FOLDER / "dfilter_buttons", buttons)
    rules.write_text(rules.read_text().replace("bt.donthave.late_block", "bt.donthave.nonsense"))
    with pytest.raises(AssertionError, match="Could not compile"):
        read(one_pass, bad, "--color", "-Y", "bt.donthave")


def test_preferences(one_pass, configuration):
    """The columns of the piece and of the invalidated requests; segments out of order reach us."""
    printed = read(one_pass, configuration, "-Y", "frame.number in {147, 148, 150}")
    assert [line.split("BitTorrent ")[1].split()[:3] for line in printed.splitlines()] == [
        ["2", "4", "DontHave"], ["Request,", "Piece", "(Idx:0x3,Begin:0x4000,Len:0x4000)"], ["3", "Request,", "Piece"]]
    assert read(one_pass, configuration, "-T", "fields", "-e", "bt.donthave.piece_index", "-Y", "bt.donthave",
                capture="framing-out-of-order") == one_pass.read(
        "framing-out-of-order", "-o", "tcp.reassemble_out_of_order:TRUE", "-T", "fields", "-e", "bt.donthave.piece_index",
        "-Y", "bt.donthave")


@pytest.mark.parametrize("capture, frame, rule", [
    (SHORT, 147, "note"), (SHORT, 150, "warning"),
    ("anomaly-length", 9, "error"), ("anomaly-own-id", 9, "warning"), ("clean-fast", 11, "note"),
])
def test_coloring_rules(one_pass, configuration, capture, frame, rule):
    """By the worst that is said of the packet."""
    printed = read(one_pass, configuration, "--color", "-T", "fields", "-e", "frame.number", "-e",
                   "frame.coloring_rule.name", "-Y", "bt.donthave || bt.donthave.late_request", capture=capture)
    assert dict(line.split("\t") for line in printed.splitlines())[str(frame)] == f"DontHave: {rule}"


def test_coloring_rules_name_every_expert_item(one_pass):
    """Each expert item of bt.donthave has a rule, but for the Chats."""
    rules = (FOLDER / "colorfilters").read_text()
    in_other_words = {"late_request", "late_block", "reannounced"}
    missing = [name for name in one_pass.expert_names()
               if f"bt.donthave.expert.{name}" not in rules and name not in in_other_words]
    assert missing == []


def test_filter_buttons(one_pass, configuration):
    """Their names, and how many packets each finds."""
    found = {name: len(read(one_pass, configuration, "-2", "-Y", where).splitlines())
             for enabled, name, where, comment in rows("dfilter_buttons") if enabled == "TRUE"}
    assert found == {"DontHave and its requests": 12, "Asked again": 2, "Never rejected": 0}


def test_graphs(one_pass, configuration):
    """Nine columns, as all versions read; the sum of each graph over the capture."""
    sums = {}
    for enabled, name, where, color, style, unit, field, average, factor in rows("io_graphs"):
        assert (enabled, average, factor) == ("Enabled", "None", "1") and style in ("Bar", "Line") and len(color) == 7
        function = {"COUNT FIELDS(Y Field)": "COUNT", "SUM(Y Field)": "SUM"}[unit]
        printed = read(one_pass, configuration, "-q", "-z", f"io,stat,0,{function}({field}){field} && ({where})")
        sums[name] = int(printed.splitlines()[-2].split("|")[2])
    assert sums == {"DontHaves": 8, "Requests invalidated": 8, "Requests for disowned pieces": 2}
