"""Write the synthetic captures: python3 captures/generate [NAME...], all of them without a name.

The files are the same on every machine and every day, byte for byte (gzip's own bytes aside). A capture that no
generator makes any more is removed.
"""

import sys

from capture import CAPTURES, FOLDER, write
from families import FAMILIES  # noqa: F401  (importing a family registers its captures)


def main(names):
    unknown = [name for name in names if name not in CAPTURES]
    if unknown:
        sys.exit(f"No generator makes {', '.join(unknown)}. There are: {', '.join(sorted(CAPTURES))}")
    written = [name for name in names or sorted(CAPTURES) if write(name)]
    stale = [] if names else sorted({path.name for path in FOLDER.iterdir()} - set(CAPTURES))
    for name in stale:
        (FOLDER / name).unlink()
    for verb, changed in (("wrote", written), ("removed", stale)):
        for name in changed:
            print(verb, name)
    print(f"{len(CAPTURES)} captures in {FOLDER}, {len(written) + len(stale)} changed")


if __name__ == "__main__":
    main(sys.argv[1:])
