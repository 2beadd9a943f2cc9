#!/usr/bin/env python3
"""Installs the npm packages of the JavaScript clients into a folder outside the source tree.

  npm_clients.py [FOLDER]     default: $BT_DONTHAVE_NPM, or build/npm of the project

A client script finds its packages beside itself, so the scripts are copied there and run from there. No script of any
package is run (--ignore-scripts). A second call does nothing but refresh the copies.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

CLIENTS = pathlib.Path(__file__).resolve().parent
DEFAULT_FOLDER = CLIENTS.parent.parent / "build" / "npm"
LOCK = "package-lock.json"
INSTALL_SECONDS = 120
NO_NETWORK = re.compile(r"\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|"
                        r"ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|FETCH_ERROR)\b")


class Unreachable(Exception):
    """The registry that the packages come from does not answer."""


def default_folder():
    return pathlib.Path(os.environ.get("BT_DONTHAVE_NPM", DEFAULT_FOLDER))


def install(folder=None):
    """Make the folder ready; returns it."""
    folder = pathlib.Path(folder or default_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    installed_lock = folder / "installed.json"
    lock = (CLIENTS / LOCK).read_bytes()
    if not installed_lock.exists() or installed_lock.read_bytes() != lock:
        for name in ("package.json", LOCK):
            shutil.copy(CLIENTS / name, folder)
        run_npm("ci", folder)
        installed_lock.write_bytes(lock)
    for script in CLIENTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def run_npm(action, folder):
    command = ["npm", action, "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error",
               "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--cache", str(folder / "cache")]
    try:
        done = subprocess.run(command, cwd=folder, stdout=sys.stderr, stderr=subprocess.PIPE, text=True,
                              timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:  # what has come is in the cache for the next time
        raise Unreachable(f"the npm packages did not come within {INSTALL_SECONDS} s") from None
    sys.stderr.write(done.stderr)
    if done.returncode != 0 and NO_NETWORK.search(done.stderr):
        raise Unreachable("the npm packages cannot be installed: no network, or the registry does not answer")
    done.check_returncode()


def command(script, *arguments, folder=None):
    """Command line of a JavaScript client whose packages are installed."""
    return ["node", str(pathlib.Path(folder or default_folder()) / script), *map(str, arguments)]


if __name__ == "__main__":
    try:
        print(install(*sys.argv[1:2]))
    except (OSError, Unreachable, subprocess.CalledProcessError) as error:
        sys.exit(f"npm_clients: the npm packages could not be installed: {error}")
