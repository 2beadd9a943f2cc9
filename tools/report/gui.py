"""tools/decode --gui: Wireshark with the plugin and the profile, without installing them.

    python3 tools/report/gui.py PLUGINS FOLDER [CAPTURE] [-- WIRESHARK OPTION...]
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from running import NOBODY, Failure, Runner

PROFILE = "BitTorrent DontHave"
PROFILES = Path(__file__).resolve().parents[2] / "profiles"


def display(runner):
    """What Wireshark needs of the environment to open a window; root's right to the display is handed on."""
    if not runner.become:
        return []
    if not os.environ.get("DISPLAY"):
        raise Failure("there is no X display (DISPLAY is not set); as root, Wireshark is shown by X")
    runtime = runner.folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.chown(runtime, NOBODY, NOBODY)
    found = ["QT_QPA_PLATFORM=xcb", f"XDG_RUNTIME_DIR={runtime}"]
    authority = os.environ.get("XAUTHORITY") or os.path.expanduser("~/.Xauthority")
    if os.path.exists(authority):
        with open(authority, "rb") as source:
            found.append(f"XAUTHORITY={runner.private_copy(source, 'xauthority')}")
    return found


def main(plugins, folder, *arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    captures, options = arguments[:split], arguments[split + 1:]
    if len(captures) > 1:
        raise Failure("Wireshark shows one capture at a time")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")):
        raise Failure("there is no display for Wireshark (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    runner = Runner(plugins, folder, print)
    config = runner.folder / "home" / "wireshark"
    shutil.copytree(PROFILES, config / "profiles")
    if runner.become:
        for path in [config, *config.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
    file = [part for capture in captures for part in ("-r", runner.source(capture, two_passes=True)[0])]
    command = [*runner.become, *runner.environment(), *display(runner), f"WIRESHARK_CONFIG_DIR={config}", "wireshark",
               "-C", PROFILE, *file, *runner.readable_key_logs(options)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Failure, OSError) as failure:
        print(f"tools/decode: {failure}", file=sys.stderr)
        sys.exit(1)
