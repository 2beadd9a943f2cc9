"""One task of tools/decode-many: a capture, or the files of one capture session, becomes a table and a summary."""

import json
import os
import tempfile
from pathlib import Path

import machine
import trouble
from reading import Reading
from running import NOBODY, Failure, Runner


def identity(captures):
    """What tells whether the captures are those that were decoded before."""
    return [{"capture": str(path), "size": os.stat(path).st_size, "changed": os.stat(path).st_mtime_ns}
            for path in captures]


def replace(path, text):
    """Writes a file in one step, so that what is there is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", encoding="utf-8", newline="", delete=False) as new:
        new.write(text)
    os.chmod(new.name, 0o644)
    os.replace(new.name, path)


def done(target, captures):
    """Whether the result of these captures is there."""
    try:
        with open(f"{target}.json", encoding="utf-8") as file:
            return json.load(file)["captures"] == identity(captures) and os.path.exists(f"{target}.csv")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def decode(captures, target, plugins, options):
    """Writes TARGET.csv and TARGET.json. Returns None, or what went wrong in a sentence."""
    try:
        before = identity(captures)
        for path, one in zip(captures, before):
            if one["size"] == 0:
                raise Failure(f"{path} is empty, not a capture file")
        with tempfile.TemporaryDirectory(prefix="lt_donthave.") as folder:
            home = Path(folder, "home")
            home.mkdir()
            if os.geteuid() == 0:
                os.chmod(folder, 0o711)
                os.chown(home, NOBODY, NOBODY)
            runner = Runner(plugins, folder, say=lambda words: None)
            options = runner.readable_key_logs(options)
            reading = Reading(runner, captures if len(captures) > 1 else captures[0], options, two_passes=False)
            found = reading.found
            if reading.status != 0:
                raise Failure(trouble.failure(captures[0], reading.errors, plugins, found["list"]))
            kind = None if found["list"] else trouble.only_a_format(runner, captures[0])
            if kind:
                raise Failure(f"{captures[0]} is not a capture file, tshark only knows its format: {kind}")
        rows = machine.csv_text(found["requests"])
        replace(f"{target}.csv", rows)
        summary = {"captures": before, "donthaves": len(found["list"]), "requests": len(found["requests"]),
                   "connections": found["summary"], "unreadable": reading.unreadable}
        replace(f"{target}.json", json.dumps(summary, indent=1) + "\n")
    except (Failure, OSError) as error:
        return str(error)
    return None
