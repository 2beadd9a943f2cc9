"""What the tests of this folder share: the plugin that was built, and commands."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "regression"))

from tshark import BUILD, NOBODY, PLUGINS  # noqa: E402, F401

X_Y = next(PLUGINS.iterdir()).name
PLUGIN = PLUGINS / X_Y / "epan" / "lt_donthave.so"


def run(*command, **options):
    return subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def output(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def as_nobody(home, plugins):
    """What starts a program as a user for whom tshark loads plugins, with these plugins and no others."""
    return [*(NOBODY if os.geteuid() == 0 else []), "env", "-u", "XDG_CONFIG_HOME", f"HOME={home}", "LC_ALL=C.UTF-8",
            f"WIRESHARK_PLUGIN_DIR={plugins}"]
