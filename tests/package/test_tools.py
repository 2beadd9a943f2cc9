"""tools/test installs the packages that the chosen tests need, and no others."""

import os
import shutil

import pytest

from installed import BUILD, ROOT, output, run


def packages(name):
    return set(output("bash", "-c", f'. tools/common.sh; echo "${{{name}[@]}}"', cwd=ROOT).split())


@pytest.fixture
def installs(tmp_path):
    """What tools/test would install where nothing is installed yet. Which tests its arguments choose is ctest's answer."""
    tree, programs, log = tmp_path / "tree", tmp_path / "bin", tmp_path / "log"
    shutil.copytree(ROOT / "tools", tree / "tools")
    (tree / "build").mkdir()
    programs.mkdir()
    for name, script in {
        "apt-get": f'case " $* " in *" install "*) printf "%s\\n" "$@" >>{log} ;; esac',
        "dpkg-query": "exit 1",
        "sudo": 'exec "$@"',
        "cmake": "exit 0",
        "ctest": f'case " $* " in *" -N "*) shift 2; exec {shutil.which("ctest")} --test-dir {BUILD} "$@" ;; esac',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)

    def installed(*arguments):
        log.write_text("")
        done = run(tree / "tools" / "test", *arguments,
                   env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"})
        assert done.returncode == 0, done.stdout
        return set(log.read_text().split())
    return installed


@pytest.mark.parametrize("arguments", [["-LE", "live"], ["-L", "unit"], ["-R", "regression/test_ids"], ["-L", "live", "-E", "."]],
                         ids=" ".join)
def test_without_live_tests(installs, arguments):
    installed = installs(*arguments)
    assert packages("packages_to_build") | packages("packages_to_test") <= installed
    assert installed & (packages("packages_to_test_live") - packages("packages_to_test")) == set()


@pytest.mark.parametrize("arguments", [[], ["-L", "live"], ["-R", "live/test_libtorrent"]], ids=" ".join)
def test_with_live_tests(installs, arguments):
    if not (ROOT / "tests" / "live").exists():
        pytest.skip("tests/live is not part of this tree")
    assert packages("packages_to_test") | packages("packages_to_test_live") <= installs(*arguments)
