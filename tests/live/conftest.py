"""Runs the tests in a network namespace of their own, and keeps what a failing one captured and logged.

What cannot be tested on this machine is skipped by name. Then the exit status is SKIPPED, which ctest reports, and the
reasons go to the file that BT_DONTHAVE_SKIPPED names, for .ci/run to print.
"""

import os
import pathlib
import re
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "clients"), str(TESTS / "regression")]
pytest.register_assert_rewrite("stage", "tshark")

import networks
import npm_clients
from stage import Stage
from tshark import BUILD, Staging, Tshark

SKIPPED = 77
NO_NPM = "BT_DONTHAVE_NO_NPM"

skips = []


def pytest_cmdline_main(config):
    if not networks.inside():
        os.environ["BT_DONTHAVE_NPM"] = str(BUILD / "npm")
        try:
            npm_clients.install()
        except npm_clients.Unreachable as reason:  # any other error is one
            os.environ[NO_NPM] = str(reason)
    networks.enter([sys.executable, "-m", "pytest", *config.invocation_params.args])


@pytest.fixture(scope="session")
def tsharks():
    """tshark with one pass and with two."""
    staging = Staging()
    yield Tshark(staging), Tshark(staging, two_passes=True)
    staging.remove()


@pytest.fixture
def npm():
    """For tests of clients from npm."""
    if NO_NPM in os.environ:
        pytest.skip(os.environ[NO_NPM])


@pytest.fixture
def stage(request, tsharks):
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    with Stage(f"{request.node.path.stem}-{name}", *tsharks) as stage:
        request.node.stage = stage
        yield stage


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed and hasattr(item, "stage"):
        report.sections.append(("kept", f"captures, rows and logs: {item.stage.keep()}"))
    if report.skipped:
        skips.append(f"SKIPPED: live/{item.path.stem}: {item.name}: {report.longrepr[2].removeprefix('Skipped: ')}")


def pytest_sessionfinish(session, exitstatus):
    if not skips:
        return
    if "BT_DONTHAVE_SKIPPED" in os.environ:
        with open(os.environ["BT_DONTHAVE_SKIPPED"], "a") as file:
            file.writelines(line + "\n" for line in skips)
    if exitstatus == pytest.ExitCode.OK:
        session.exitstatus = SKIPPED
