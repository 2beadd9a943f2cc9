"""Runs tshark with the plugin that was built, or without any plugin, and returns what it prints.

As root, tshark ignores WIRESHARK_PLUGIN_DIR without a word. So it runs as nobody then, and gets copies of what nobody
may not read.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from many import ROOT, SYNTHETIC, Many, find

BUILD = Path(os.environ.get("BT_DONTHAVE_BUILD", ROOT / "build")).resolve()
PLUGINS = BUILD / "plugins"
PROBE = BUILD / "tests" / "probe" / "probe.so"

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

# tshark prints them as 1 and 0 up to 4.0, as True and False later.
BOOLEANS = {"bt.donthave.id_assumed", "bt.donthave.fast", "bt.donthave.late_request.crossed"}

OURS = "bt.donthave.", "bt.peer.", "bt.mse."

# Items of Wireshark's group Malformed make a frame malformed. Other than these, we have none.
OUR_MALFORMED = ["bt.donthave.expert.length", "bt.donthave.expert.bad_handshake"]

# What every row is asked for, beside our own fields.
ADDRESSES = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst"]
COMMON = ["frame.number", "_ws.malformed", *ADDRESSES, "tcp.srcport", "udp.srcport", "bt.donthave", "bt.mse"]

# Our items on messages that are no DontHave.
ITEMS = [f"bt.donthave.{kind}" for kind in ("request", "late_request", "late_block", "reject", "reannounced")]

sys.path.insert(0, str(ROOT / "captures" / "generate"))

import families  # noqa: E402, F401  (registers the captures)
from capture import CAPTURES  # noqa: E402


def wireshark_version():
    """That the plugin is built for: (4, 0)."""
    return tuple(map(int, next(PLUGINS.glob("*.*")).name.split(".")))


class Staging:
    """A folder that the user who runs tshark can read."""

    def __init__(self):
        self.drop_root = os.geteuid() == 0
        self.folder = Path(tempfile.mkdtemp(prefix="bt-donthave-"))
        self.folder.chmod(0o755)
        # Without its tables of names, of makers of MAC addresses and such, tshark 4.0 starts in two thirds of the time.
        self.no_data = self.folder / "no-data"
        self.no_data.mkdir(mode=0o755)
        self.known = {}
        self.families = {}      # captures that are read together, for Staging.family
        self.frames_read = {}   # what was read before, for Tshark.frames
        self.stock = {}         # what stock tshark printed before, for Tshark.stock
        self.our_fields = None  # for Tshark.our_fields

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

    def with_probe(self, stock):
        """A plugin folder with the plugin (not for stock tshark) and tests/probe."""
        folder = self.folder / ("probe-alone" if stock else "probe")
        if not folder.exists():
            for plugin in PLUGINS.rglob("lt_donthave.so"):
                target = folder / plugin.relative_to(PLUGINS).parent
                target.mkdir(parents=True)
                for copied in (PROBE,) if stock else (PROBE, plugin):
                    shutil.copy(copied, target)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
        return folder

    def family(self, capture):
        """The captures that one is read together with: all of the same generator, or all recordings. None: it is none."""
        if isinstance(capture, Path):
            captures, kind = sorted((ROOT / "captures").glob("*.pcapng.gz")), "recordings"
        else:
            kind = CAPTURES[find(capture).name][0].__module__
            captures = [name.partition(".")[0] for name, (fill, *_) in sorted(CAPTURES.items())
                        if fill.__module__ == kind]
        if capture not in captures:
            return None
        if kind not in self.families:
            self.families[kind] = Many(self, captures)
        return self.families[kind]

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

    Starting tshark takes longer than reading a capture. So rows and items ask for all that is ours at once, of many
    captures, and what was read is kept for the tests that ask for another part of it.
    """

    def __init__(self, staging, two_passes=False):
        self.staging = staging
        self.two_passes = two_passes
        self.commands = []

    def command(self, arguments, plugins=PLUGINS):
        environment = ["env", "-u", "XDG_CONFIG_HOME", "-u", "WIRESHARK_CONFIG_DIR", "HOME=/nonexistent",
                       "LC_ALL=C.UTF-8", "TZ=UTC", f"WIRESHARK_PLUGIN_DIR={self.staging.readable(plugins)}",
                       f"WIRESHARK_DATA_DIR={self.staging.no_data}",
                       # Huge pages: tshark starts with an eighth less work.
                       "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"]
        return [*(NOBODY if self.staging.drop_root else []), *environment, "tshark", *map(str, arguments)]

    def run(self, *arguments, plugins=PLUGINS, text=True):
        """Return what tshark prints with these arguments; it must not fail, nor report a bug in a dissector.

        `text` is false for its bytes: to decode the 80 MB of -V takes as long as tshark takes to print them.
        """
        command = self.command(arguments, plugins)
        self.commands.append(shlex.join(command))
        with tempfile.TemporaryFile() as printed:       # a pipe is slow for the 80 MB of -V
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.PIPE, timeout=300)
            printed.seek(0)
            output = printed.read()
        errors = done.stderr.decode(errors="replace")
        assert done.returncode == 0, f"tshark exits with {done.returncode}: {errors}"
        for trouble in ("issector bug", "was compiled for Wireshark", "Couldn't load", "ERROR:", "CRITICAL"):
            assert trouble not in errors, errors
        return output.decode(errors="replace") if text else output

    def everything(self, *arguments):
        """What tshark prints to either output with these arguments, whatever its exit code is."""
        return subprocess.run(self.command(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300).stdout

    def read(self, capture, *arguments, **how):
        """Return what tshark prints for a capture: a path, or the name of a synthetic one."""
        return self.run(*self.arguments(capture, *arguments), **how)

    def arguments(self, capture, *arguments):
        return [*(["-2"] if self.two_passes else []), "-r", self.staging.readable(find(capture)), *arguments]

    def stock(self, capture, *arguments, text=True):
        """The same without the plugin, kept for other tests that ask for it."""
        key = self.two_passes, capture, arguments, text
        if key not in self.staging.stock:
            self.staging.stock[key] = self.read(capture, *arguments, plugins=Path("/nonexistent"), text=text)
        return self.staging.stock[key]

    def probe(self, capture, kind, *arguments, stock=False):
        """Return what tests/probe says of a kind of thing, a string for each."""
        printed = self.read(capture, *arguments, "-T", "fields", "-e", "frame.number",
                            plugins=self.staging.with_probe(stock))
        begins = f"probe {kind} "
        return [line[len(begins):] for line in printed.splitlines() if line.startswith(begins)]

    def our_fields(self):
        """The plugin's fields: {name: type}."""
        if self.staging.our_fields is None:
            fields = [line.split("\t") for line in self.run("-G", "fields").splitlines() if line.startswith("F\t")]
            self.staging.our_fields = {field[2]: field[3] for field in fields if field[2].startswith(OURS)}
        return self.staging.our_fields

    def table(self, capture, columns, *options, where=None):
        """Return a dict of the columns for each frame, as tshark prints them."""
        family = self.staging.family(capture)
        ours = self.our_fields() if family else OUR_MALFORMED
        everything = list(dict.fromkeys([*COMMON, *ours, *columns]))
        filters = ["-Y", where] if where and where not in everything else []
        if filters:
            family = None       # they may be about the numbers of frames

        def read(printed):
            for line in printed.splitlines():
                row = dict(zip(everything, line.split("\t")))
                yield int(row["frame.number"]), row

        columns = [part for column in everything for part in ("-e", column)]
        rows = [row for _, row in self.frames(family, capture, read, *options, *filters, "-T", "fields", *columns)]
        return [row for row in rows if filters or not where or row[where]]

    def frames(self, family, capture, read, *arguments):
        """What `read` makes of that which tshark prints: pairs of a frame and {field: printed}, repeated ones by commas.

        Without a family the capture is read alone, and what was read is not kept.
        """
        if family is None:
            return read(self.read(capture, *arguments))
        key = self.two_passes, family.path, arguments
        if key not in self.staging.frames_read:
            found = {name: [] for name in family.captures}
            for frame, fields in read(self.read(family.path, *arguments)):
                name, frame = family.place(frame)
                found[name].append((frame, self.in_capture(family, frame, fields)))
            self.staging.frames_read[key] = found
        self.commands.append(shlex.join(self.command(self.arguments(capture, *arguments))))
        return self.staging.frames_read[key][capture]

    def in_capture(self, family, number, fields):
        """The fields with the addresses and numbers of frames that they have where the capture is read alone."""
        hosts = {field: family.hosts.get(fields[field], fields[field]) for field in fields.keys() & set(ADDRESSES)}
        frames = {field: ",".join(str(family.place(int(frame))[1]) for frame in fields[field].split(","))
                  for field in fields if fields[field] and self.our_fields().get(field) == "FT_FRAMENUM"}
        return fields | hosts | frames | {"frame.number": str(number)}

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
        ours = [number for number, option in enumerate(options) if option.startswith(("bt.donthave.", "bt.peer."))]
        kept = [option for number, option in enumerate(options) if number not in ours and number + 1 not in ours]
        return set(self.stock(capture, *kept, "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number").split())

    def expert_names(self):
        """The names of our expert items."""
        prefix = "bt.donthave.expert."
        return [name[len(prefix):] for name in self.our_fields() if name.startswith(prefix)]

    def experts(self, capture, *options):
        """Return our expert items, each as "FRAME NAME"; as often as there are of them."""
        columns = [f"bt.donthave.expert.{name}" for name in self.expert_names()]
        return [f"{row['frame.number']} {name}" for row in self.table(capture, columns, *options)
                for name, column in zip(self.expert_names(), columns) for _ in range(count(row[column]))]

    def items(self, capture, kind, columns, *options):
        """Return the items bt.donthave.KIND, each one string: its frame, then what the columns name inside it.

        A column is the last part of a field's name, `piece_index` or `disowned_in`; `-` where the item has none.
        """
        def read(printed):
            for packet in ElementTree.fromstring(printed).iter("packet"):
                frame = packet.find("proto[@name='geninfo']/field[@name='num']").get("show")
                for item in packet.iter("field"):
                    if item.get("name") in ITEMS:
                        yield int(frame), {"kind": item.get("name"), **{
                            field.get("name"): value(field.get("name"), field.get("show"))
                            for field in item.iter("field") if field.get("name").startswith("bt.donthave.")}}

        found = []
        arguments = [*options, "-T", "pdml", "-Y", " || ".join(ITEMS)]
        for frame, fields in self.frames(self.staging.family(capture), capture, read, *arguments):
            if fields["kind"] == f"bt.donthave.{kind}":
                by_last_name = {name.rpartition(".")[2]: shown for name, shown in fields.items()}
                found.append(" ".join([str(frame), *(by_last_name.get(column, "-") for column in columns.split())]))
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
