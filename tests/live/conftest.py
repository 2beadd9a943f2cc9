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
NO_NAMESPACE = "BT_DONTHAVE_NO_NAMESPACE"

skips = []


def pytest_cmdline_main(config):
    arguments = config.invocation_params.args
    if not networks.inside():
        if not networks.possible():
            os.environ[NO_NAMESPACE] = "this machine does not let this user make a network namespace"
            return
        os.environ["BT_DONTHAVE_NPM"] = str(BUILD / "npm")
        if needs_npm(arguments):
            try:
                npm_clients.install()
            except npm_clients.Unreachable as reason:  # any other error is one
                os.environ[NO_NPM] = str(reason)
    networks.enter([sys.executable, "-m", "pytest", *arguments])


def needs_npm(arguments):
    """Without network, asking npm takes half a minute; there is none within the namespace, so it must be asked before."""
    files = [argument for argument in arguments if ".py" in argument]
    return not files or any(name in file for name in ("npm", "webtorrent", "webrtc") for file in files)


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
    if NO_NAMESPACE in os.environ:
        pytest.skip(os.environ[NO_NAMESPACE])
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
    if os.environ.get("BT_DONTHAVE_SKIPPED"):
        with open(os.environ["BT_DONTHAVE_SKIPPED"], "a") as file:
            file.writelines(line + "\n" for line in skips)
    if exitstatus == pytest.ExitCode.OK:
        session.exitstatus = SKIPPED
