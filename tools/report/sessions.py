"""The captures in folders, and which of them are files of one ring buffer."""

import os
import re
from pathlib import Path

ENDINGS = re.compile(r"\.(pcapng|pcap|cap|ntar|dmp|snoop|erf|5vw|trc)(\.(gz|zst|lz4))?$", re.IGNORECASE)

# dumpcap -b: NAME_00001_20261124120000.pcapng, or with -b nametimenum:2 NAME_20261124120000_00001.pcapng
RING_FILE = re.compile(r"(?P<name>.*)_(?:(?P<number>\d{5,})_(?P<time>\d{14})|(?P<time2>\d{14})_(?P<number2>\d{5,}))"
                       r"(?P<ending>\.[a-z0-9.]+)?")


def captures_in(paths):
    """The capture files in folders, by their names, and those that are named themselves."""
    found = set()
    for path in map(Path, paths):
        if not path.is_dir():
            found.add(path.absolute())
            continue
        for folder, _, names in os.walk(path.absolute()):
            found.update(Path(folder, name) for name in names if ENDINGS.search(name))
    return sorted(found)


def sessions(captures):
    """Lists of captures: those of one capture session together, in their order; any other alone.

    A session's files are numbered without a gap. A dumpcap that is started again begins at 1.
    """
    rings, result = {}, []
    for path in captures:
        match = RING_FILE.fullmatch(path.name)
        if not match:
            result.append([path])
            continue
        time, number = match["time"] or match["time2"], int(match["number"] or match["number2"])
        rings.setdefault((path.parent, match["name"], match["ending"]), []).append((time, number, path))
    for files in rings.values():
        last = None
        for _, number, path in sorted(files):
            if last is None or number != last + 1:
                result.append([])
            result[-1].append(path)
            last = number
    return sorted(result)
