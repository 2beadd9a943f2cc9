"""Runs tshark with the plugin that was built, or without any plugin, and returns what it prints.

As root, tshark ignores WIRESHARK_PLUGIN_DIR without a word. So it runs as nobody then, and gets copies of what nobody
may not read.
"""

import gzip
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BT_DONTHAVE_BUILD", ROOT / "build")).resolve()
PLUGINS = BUILD / "plugins"
SYNTHETIC = ROOT / "captures" / "synthetic"

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

# tshark prints them as 1 and 0 up to 4.0, as True and False later.
BOOLEANS = {"bt.donthave.id_assumed", "bt.donthave.fast", "bt.donthave.late_request.crossed"}

# Items of Wireshark's group Malformed make a frame malformed. Other than these, we have none.
OUR_MALFORMED = ["bt.donthave.expert.length", "bt.donthave.expert.bad_handshake"]

# What every row is asked for, beside our own fields.
COMMON = ["frame.number", "_ws.malformed", "ip.src", "ip.dst", "tcp.srcport", "udp.srcport", "bt.donthave"]

# Our items on messages that are no DontHave.
ITEMS = ["request", "late_request", "late_block", "reject", "reannounced"]

sys.path.insert(0, str(ROOT / "captures" / "generate"))


class Staging:
    """A folder that the user who runs tshark can read."""

    def __init__(self):
        self.drop_root = os.geteuid() == 0
        self.folder = Path(tempfile.mkdtemp(prefix="bt-donthave-"))
        self.folder.chmod(0o755)
        self.known = {}
        self.printed = {}       # what tshark printed before, for Tshark.kept
        self.our_fields = None  # the names of our fields, for Tshark.our_fields

    def readable(self, path):
        """Return `path`, or the path of a copy if nobody cannot read it."""
        if not self.drop_root:
            return path
        if path not in self.known:
            test = ["test", "-r", str(path), *(["-a", "-x", str(path)] if path.is_dir() else [])]
            if subprocess.run([*NOBODY, *test]).returncode == 0 or not path.exists():
                self.known[path] = path
            else:
                self.known[path] = self._copy(path)
        return self.known[path]

    def _copy(self, path):
        target = self.folder / f"{len(self.known)}-{path.name}"
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)
        for copied in [target, *target.rglob("*")]:
            copied.chmod(0o755 if copied.is_dir() else 0o644)
        return target

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Tshark:
    """One way to run tshark: in one pass or two, with the plugin or as it comes.

    Starting tshark takes longer than reading a capture. So rows and items ask for all that is ours at once, and what was
    printed is kept for the tests that ask for another part of it.
    """

    def __init__(self, staging, two_passes=False, keys=None):
        self.staging = staging
        self.two_passes = two_passes
        self.keys = keys  # a key log as TLS has it (SSLKEYLOGFILE), readable for nobody
        self.commands = []

    def with_keys(self, keys):
        """The same tshark, with a key log."""
        return Tshark(self.staging, self.two_passes, keys)

    def command(self, arguments, plugins=PLUGINS):
        environment = ["env", "-u", "XDG_CONFIG_HOME", "-u", "WIRESHARK_CONFIG_DIR", "HOME=/nonexistent",
                       "LC_ALL=C.UTF-8", "TZ=UTC", f"WIRESHARK_PLUGIN_DIR={self.staging.readable(plugins)}"]
        keys = ["-o", f"tls.keylog_file:{self.keys}"] if self.keys else []
        return [*(NOBODY if self.staging.drop_root else []), *environment, "tshark", *map(str, arguments), *keys]

    def run(self, *arguments, plugins=PLUGINS):
        """Return what tshark prints with these arguments; it must not fail, nor report a bug in a dissector."""
        command = self.command(arguments, plugins)
        self.commands.append(shlex.join(command))
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
        errors = done.stderr.decode(errors="replace")
        assert done.returncode == 0, f"tshark exits with {done.returncode}: {errors}"
        for trouble in ("issector bug", "was compiled for Wireshark", "Couldn't load", "ERROR:", "CRITICAL"):
            assert trouble not in errors, errors
        return done.stdout.decode(errors="replace")

    def read(self, capture, *arguments, plugins=PLUGINS):
        """Return what tshark prints for a capture: a path, or the name of a synthetic one."""
        passes = ["-2"] if self.two_passes else []
        return self.run(*passes, "-r", self.staging.readable(find(capture)), *arguments, plugins=plugins)

    def stock(self, capture, *arguments):
        """The same without the plugin."""
        return self.read(capture, *arguments, plugins=Path("/nonexistent"))

    def kept(self, capture, *arguments):
        """What `read` prints, from memory if it was printed before."""
        key = (self.two_passes, self.keys, capture, arguments)
        if key in self.staging.printed:
            self.commands.append(self.staging.printed[key][0])
        else:
            printed = self.read(capture, *arguments)
            self.staging.printed[key] = self.commands[-1], printed
        return self.staging.printed[key][1]

    def our_fields(self):
        """The names of the plugin's fields."""
        if self.staging.our_fields is None:
            names = [line.split("\t")[2] for line in self.run("-G", "fields").splitlines() if line.startswith("F\t")]
            self.staging.our_fields = [name for name in names if name.startswith("bt.donthave.")]
        return self.staging.our_fields

    def table(self, capture, columns, *options, where=None):
        """Return a dict of the columns for each frame, as tshark prints them."""
        everything = list(dict.fromkeys([*COMMON, *self.our_fields(), *columns]))
        filters = ["-Y", where] if where and where not in everything else []
        printed = self.kept(capture, *options, *filters, "-T", "fields",
                            *(part for column in everything for part in ("-e", column)))
        rows = (dict(zip(everything, line.split("\t"))) for line in printed.splitlines())
        return [row for row in rows if filters or not where or row[where]]

    def rows(self, capture, fields, *options, where=None):
        """Return the rows of `-T fields`, each one string: fields apart by spaces, `-` for none, repeated ones by commas.

        `where` is a display filter. A frame that Wireshark calls malformed must be so without the plugin, too, unless
        our own expert items say it.
        """
        fields = fields.split()
        rows = self.table(capture, fields, *options, where=where)
        malformed = {row["frame.number"] for row in rows
                     if count(row["_ws.malformed"]) > sum(count(row[column]) for column in OUR_MALFORMED)}
        assert not malformed or malformed <= self.stock_malformed(capture, *options)
        return [" ".join(value(field, row[field]) for field in fields) for row in rows]

    def stock_malformed(self, capture, *options):
        """The frames that are malformed without the plugin, whose own preferences stock tshark does not know."""
        ours = [number for number, option in enumerate(options) if option.startswith("bt.donthave.")]
        kept = [option for number, option in enumerate(options) if number not in ours and number + 1 not in ours]
        return set(self.stock(capture, *kept, "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number").split())

    def expert_names(self):
        """The names of our expert items."""
        prefix = "bt.donthave.expert."
        return [name[len(prefix):] for name in self.our_fields() if name.startswith(prefix)]

    def experts(self, capture, *options):
        """Return our expert items, each as "FRAME NAME"; as often as there are of them."""
        return [f"{row['frame.number']} {name}" for row in self.table(capture, [], *options)
                for name in self.expert_names() for _ in range(count(row[f"bt.donthave.expert.{name}"]))]

    def items(self, capture, kind, columns, *options):
        """Return the items bt.donthave.KIND, each one string: its frame, then what the columns name inside it.

        A column is the last part of a field's name, `piece_index` or `disowned_in`; `-` where the item has none.
        """
        found = []
        kinds = " || ".join(f"bt.donthave.{name}" for name in ITEMS)
        printed = self.kept(capture, *options, "-T", "pdml", "-Y", kinds)
        for packet in ElementTree.fromstring(printed).iter("packet"):
            frame = packet.find("proto[@name='geninfo']/field[@name='num']").get("show")
            for item in packet.iter("field"):
                if item.get("name") == f"bt.donthave.{kind}":
                    inside = {field.get("name"): value(field.get("name"), field.get("show"))
                              for field in item.iter("field") if field.get("name").startswith("bt.donthave.")}
                    by_last_name = {name.rpartition(".")[2]: shown for name, shown in inside.items()}
                    found.append(" ".join([frame, *(by_last_name.get(column, "-") for column in columns.split())]))
        return found

    def info(self, capture, *options):
        """Return the Info column of each frame; no tree is built for it."""
        columns = ["-o", 'gui.column.format:"Info","%i"']
        return [line.strip() for line in self.read(capture, *options, *columns).splitlines()]


def count(printed):
    """How many values a field has in a frame. tshark parts them by commas."""
    return printed.count(",") + 1 if printed else 0


def value(field, printed):
    """One field of a row; booleans as 1 and 0 on every version."""
    if field in BOOLEANS:
        printed = printed.replace("True", "1").replace("False", "0")
    return printed or "-"


def find(capture):
    """The path of a capture; a name alone is one of captures/synthetic."""
    if isinstance(capture, Path):
        return capture
    plain = SYNTHETIC / f"{capture}.pcap"
    return plain if plain.exists() else SYNTHETIC / f"{capture}.pcap.gz"


def contents(path):
    """The bytes of a capture, decompressed."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
