"""Real traffic: all expert items of each capture, compared with captures/NAME.experts, which captures/README.md explains.

    FRAME SEVERITY GROUP NAME: TEXT

The lists are those of the second pass. The plugin itself wrote them: they show what a change changes in real traffic,
and prove no rule. What is right is told by tests/stories, test_anomalies.py, model.py and the clients' own logs
(test_recordings.py). After a change that is meant to change them:

    python3 tests/regression/test_golden_experts.py         (writes them anew: read what git diff says)
"""

import pytest

from expert_items import items
from tshark import ROOT, Staging, Tshark

CAPTURES = sorted((ROOT / "captures").glob("*.pcapng.gz"))


HEADER = "# Written by the plugin itself (tests/regression/test_golden_experts.py): shows changes, proves no rule."


def golden(capture):
    return capture.parent / (capture.name.partition(".")[0] + ".experts")


def listed(tshark, capture):
    return [HEADER, *(f"{item}: {item.text}" for item in items(tshark, capture))]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.partition(".")[0])
def test_items_of_a_real_capture(two_passes, capture):
    assert listed(two_passes, capture) == golden(capture).read_text().splitlines()


def test_every_list_has_a_capture():
    assert sorted((ROOT / "captures").glob("*.experts")) == sorted(map(golden, CAPTURES))


def write_lists():
    staging = Staging()
    for capture in CAPTURES:
        lines = listed(Tshark(staging, two_passes=True), capture)
        golden(capture).write_text("".join(f"{line}\n" for line in lines))
    staging.remove()


if __name__ == "__main__":
    write_lists()
