"""Fixtures: tshark in one pass and in two, and the commands of a failing test, to repeat it by hand."""

import shutil

import pytest

pytest.register_assert_rewrite("tshark", "derived_check")

from allocated import Counter
from tshark import Staging, Tshark


@pytest.fixture(scope="session")
def staging():
    folder = Staging()
    yield folder
    folder.remove()


@pytest.fixture(params=["plain", "-2"])
def tshark(request, staging):
    """Every test that takes this runs twice: in one pass over the file, and in two."""
    return remember(request, Tshark(staging, two_passes=request.param == "-2"))


@pytest.fixture
def one_pass(request, staging):
    return remember(request, Tshark(staging))


@pytest.fixture
def two_passes(request, staging):
    """For what only the future knows."""
    return remember(request, Tshark(staging, two_passes=True))


@pytest.fixture(scope="module")
def counter(staging):
    """For the most that tshark allocates."""
    return Counter(staging.folder / f"counter-{len(list(staging.folder.iterdir()))}")


@pytest.fixture
def written(staging):
    """Write a trace where tshark may read it; it is gone after the test."""
    paths = []

    def write(trace):
        path = staging.folder / f"written-{len(list(staging.folder.iterdir()))}.pcap"
        path.write_bytes(trace.pcap())
        path.chmod(0o644)
        paths.append(path)
        return path
    yield write
    for path in paths:
        path.unlink()


@pytest.fixture
def stand_in(staging):
    """Write a program that stands in for another one, where the user who runs tshark may run it. Returns its folder, which is
    not pytest's: each pytest that starts takes its folders from other users."""
    folder = staging.folder / f"stand-in-{len(list(staging.folder.iterdir()))}"
    folder.mkdir(mode=0o755)

    def add(name, script):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
        return folder
    yield add
    shutil.rmtree(folder)


def remember(request, runner):
    """Let the report find the commands of this test."""
    request.node.runners = [*getattr(request.node, "runners", []), runner]
    return runner


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        commands = [command for runner in getattr(item, "runners", []) for command in runner.commands]
        report.sections.append(("tshark, to repeat it by hand", "\n".join(commands)))
