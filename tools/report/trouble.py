"""What to say where tshark fails, and where it finds nothing."""

import re
import subprocess

OURS = "bt.donthave"

LOST_PLUGIN = re.compile(r'bt\.donthave[^\n]*(is neither a field nor|is not a valid )|Invalid -z argument "bt\.donthave')


def failure(name, errors, plugins, printed):
    """Why tshark failed, in a sentence. `printed`: whether there are lines of what came before."""
    if re.search(r"isn't a capture file|is not a capture file", errors):
        return f"{name} is not a capture file that tshark understands"
    if "cut short" in errors:
        before = "the lines above are what could be read" if printed else "there is no DontHave message in what is before it"
        return f"{name} ends in the middle of a packet; {before}"
    if LOST_PLUGIN.search(errors):
        lines = [line for line in errors.splitlines() if "plugin" in line]
        return f"tshark did not load the plugin: {lines[0] if lines else f'looked in {plugins}'}"
    lines = [line.removeprefix("tshark: ") for line in errors.splitlines() if line.startswith("tshark: ")]
    return f"{name}: {lines[0] if lines else 'tshark failed'}"


def only_a_format(runner, path):
    """The format of a file that tshark opens as one "packet": a program, a film, JSON. None: it is a capture."""
    done = subprocess.run([*runner.become, *runner.environment(), "capinfos", "-rT", "-tE", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    columns = done.stdout.decode(errors="replace").rstrip("\n").split("\t")
    if len(columns) < 3 or columns[1] != columns[2]:
        return None
    done = subprocess.run([*runner.become, *runner.environment(), "capinfos", "-rT", "-t", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode(errors="replace").rstrip("\n").split("\t")[1]


CARRIERS = {"tcp": "TCP", "utp": "uTP", "dtls": "DTLS"}


def unreadable_dtls(runner, path, options):
    """How many DTLS connections begin or have data, and no SCTP was read of them: there were no keys, or it is something
    else. Wireshark 4.0 sees no data in DTLS 1.3."""
    columns = ["-Y", "dtls.app_data || dtls.handshake.type == 1", "-T", "fields", "-e", "udp.stream", "-e", "sctp.verification_tag"]
    printed, _, _ = runner.run(path, [*options, *columns], False)
    rows = [line.split("\t") for line in printed.splitlines()]
    return len({row[0] for row in rows} - {row[0] for row in rows if row[1:] != [""]})


def withheld(name):
    """What follows a missing segment, or a cut one, was not read."""
    return (f"{name} lacks TCP segments, or parts of them, and Wireshark hands over nothing that follows them on a connection; "
            "given as a file, it is read a second time, as the segments come")


def nothing(name, display_filter, unreadable=None, two_passes=False):
    """Nothing was printed, and nothing failed. `unreadable`: the connections that could not be read, by their carrier."""
    if display_filter is not None:
        hint = "" if two_passes or OURS not in display_filter else " (what only a later packet tells is known with -2)"
        return f"no packet in {name} passes the display filter {display_filter}{hint}"
    counts = [f"{count} over {CARRIERS[carrier]}" for carrier, count in (unreadable or {}).items() if count]
    if not counts:
        return f"no DontHave message in {name}"
    return (f"no DontHave message in what can be read of {name}; connections that could not be read: {', '.join(counts)} "
            '(see "Encrypted connections" in README.md)')
