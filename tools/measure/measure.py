"""tools/benchmark's parts: measured one after the other, each written to its section of docs/performance.md."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "captures" / "generate"), str(ROOT / "tools")]

import alternatives     # noqa: E402
import growth           # noqa: E402
import large            # noqa: E402
import many             # noqa: E402
import memory           # noqa: E402
import shapes           # noqa: E402
from bench import Bench, section    # noqa: E402

PARTS = {"shapes": shapes, "growth": growth, "memory": memory, "large": large, "alternatives": alternatives, "many": many}
PAGE = ROOT / "docs" / "performance.md"


def main(build, only, quick, print_only):
    for name in only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), Path(build), bool(quick), bool(print_only))
            lines = PARTS[name].measure(bench)
        if quick:
            lines += ["", "Captures were small ones (`--quick`)."]
        print("\n".join(["", *lines]), flush=True)
        if not print_only:
            PAGE.write_text(section(PAGE.read_text(), name, lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
