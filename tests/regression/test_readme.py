"""README.md and docs/ tell the truth: each command is run, and prints what it is said to print.

`tshark` in a command is one with the plugin installed, as an ordinary user; placeholders such as capture.pcapng stand for
captures of the project. What builds or installs is compared with what the project's own tools do.
"""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from documented import agrees, commands, examples
from tshark import BUILD, PLUGINS, ROOT

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
EXAMPLES = [(page, *example) for page in PAGES for example in examples((ROOT / page).read_text())]
COMMANDS = sorted({(page, command) for page in PAGES for command in commands((ROOT / page).read_text())})

# What stands for a capture of the reader's own.
PLACEHOLDERS = {"capture.pcapng": "webtorrent_leecher.pcapng.gz", "CAPTURE": "webtorrent_leecher.pcapng.gz",
                "late.pcapng": "npm_nofast.pcapng.gz"}

# Run by other tests, or by each build: they need minutes, root, another machine, or a window.
ELSEWHERE = re.compile(r"""(?x)
    tools/(test|fuzz|benchmark|package|mse-keylog)\b | tests/(matrix|packages)\b | tests/fuzz/mutate_captures\b
    | cmake\ (-S|--build|--install|-D)\b.* | (cd\ build\ &&\ )?cpack\b.* | python3\ captures/generate$ | rpmbuild\b.*
    | tools/decode\ --gui\b | sudo\ apt-get\ (install|remove)\b.* | apt-get\ (install|remove)\ (\./|wireshark-plugin).*
    | captures/record/record\b.* | ([A-Z]+=\S+\ )+(tools/mse-keylog|node|firefox)\b.* | dumpcap\b.* | .*tls\.keylog_file:keys\.txt\b.*
    | (ln|git|cp|printf|echo|chmod)\b.*
    """)


@pytest.fixture(scope="module")
def workplace(staging):
    """A folder to be in: the project's files by their names, `tshark` with the plugin first in PATH."""
    from tshark import NOBODY
    folder = staging.folder / "readme"
    folder.mkdir(mode=0o755)
    for path in ROOT.iterdir():
        if path.name not in (".git", "captures") and not path.name.startswith("build"):
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "captures", folder / "captures")
    for name, capture in PLACEHOLDERS.items():
        shutil.copyfile(ROOT / "captures" / capture, folder / name)
    shutil.copytree(PLUGINS, folder / "plugins")
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    programs = folder / "bin"
    programs.mkdir(mode=0o755)
    user = shlex.join([*(NOBODY if os.geteuid() == 0 else []), "env", "-u", "XDG_CONFIG_HOME", "HOME=/nonexistent", "TZ=UTC",
                       f"WIRESHARK_PLUGIN_DIR={folder / 'plugins'}", shutil.which("tshark")])
    (programs / "tshark").write_text(f'#!/bin/sh\nexec {user} "$@"\n')
    (programs / "tshark").chmod(0o755)
    return folder


def run(command, folder):
    """Exit code and all that it prints. tools/decode asks for the real tshark by itself."""
    programs = [] if command.startswith("tools/") else [str(folder / "bin")]
    environment = os.environ | {"PATH": ":".join([*programs, os.environ["PATH"]]), "LC_ALL": "C.UTF-8", "TZ": "UTC",
                                "TERM": "dumb"}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=300)
    # Of what is said beside the output: what tshark always says to root, and how far a slow machine is.
    errors = [line for line in done.stderr.splitlines() if "Running as user" not in line
              and not re.fullmatch(r"tools/decode: .*bytes read", line)]
    return done.returncode, done.stdout, errors


def test_there_are_examples():
    assert len([page for page, _, _ in EXAMPLES if page == "README.md"]) >= 2
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("page, command, expected", EXAMPLES, ids=[f"{page}: {command}" for page, command, _ in EXAMPLES])
def test_example(page, command, expected, workplace):
    code, printed, errors = run(command, workplace)
    assert code == 0 or errors == [], (code, errors)
    assert agrees("\n".join([printed.rstrip("\n"), *errors]), expected) or agrees(printed, expected), \
        printed + "\n".join(errors)


@pytest.mark.parametrize("page, command", COMMANDS, ids=[f"{page}: {command}" for page, command in COMMANDS])
def test_command(page, command, workplace):
    if re.match(r"apt-get install (?!\./)", command):
        packages = subprocess.run(["bash", "-c", '. tools/common.sh; echo "${packages_to_build[@]}"'], cwd=ROOT, check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
        assert sorted(command.split()[2:]) == sorted(packages.split())
    elif ELSEWHERE.match(command):
        for target in re.findall(r"--target (\S+)", command):
            assert target in targets(), command
        for version in re.findall(r"(?:donthave-|_)(\d+\.\d+\.\d+)", command):
            assert f"CMAKE_PROJECT_VERSION:STATIC={version}" in (BUILD / "CMakeCache.txt").read_text(), command
        for option in re.findall(r"-D(BT_\w+)", command):
            assert re.search(rf"(?m)^{option}:(BOOL|STRING)=", (BUILD / "CMakeCache.txt").read_text()), command
        for program in re.findall(r"(?:^|python3 |--import \./|=\S+ )((?:tools|tests|captures)/\S+)", command):
            assert (ROOT / program).exists(), command
    elif "[" in command:        # a synopsis
        assert (ROOT / command.split()[0]).exists()
    else:
        assert command.startswith(("tshark ", "tools/decode")), f"no test knows how to run: {command}"
        code, printed, errors = run(command.rstrip(" ."), workplace)
        assert code == 0, errors
        assert [line for line in errors if not line.startswith("tools/decode: ")] == []
        assert printed.strip() or "-Y bittorrent" in command, "it prints nothing"


def headings(page):
    """The anchors of a page's headings."""
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
            for title in re.findall(r"(?m)^#+ (.*)", page.read_text())}


def test_links():
    """What README and docs link to is there, and each picture is shown or linked."""
    linked = set()
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text()):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
            assert path.exists(), target
            assert not anchor or anchor in headings(path), target
            linked.add(path)
    assert {path.resolve() for path in (ROOT / "docs" / "screenshots").iterdir()} <= linked


def targets():
    """What cmake --build --target knows; package_source is CPack's."""
    listed = subprocess.run(["ninja", "-C", str(BUILD), "-t", "targets", "all"], stdout=subprocess.PIPE, text=True).stdout
    return set(re.findall(r"(?m)^([\w-]+):", listed))


@pytest.mark.parametrize("printed, expected, same", [
    ("a\nb\n", ["a", "b"], True),
    ("a\nb\n", ["a"], False),
    ("a\nb\nc\n", ["a", "...", "c"], True),
    ("a\nc\n", ["a", "...", "c"], True),
    ("a\nb\n", ["a", "...", "c"], False),
    ("\na  \n\n", ["a"], True),
])
def test_the_test_sees_differences(printed, expected, same):
    assert agrees(printed, expected) == same


def test_the_forms_are_read():
    text = ("Say `tshark -G folders`, or\n\n    tools/test -L unit\n    tools/decode x\n\n```\n$ echo a\na\n$ echo b\nb\n```\n"
            "\n```\nno command\n```\n")
    assert list(examples(text)) == [("echo a", ["a"]), ("echo b", ["b"])]
    assert list(commands(text)) == ["tools/test -L unit", "tools/decode x", "tshark -G folders"]
