"""The report of tools/decode, which starts it: what the plugin's tables say, for people and for programs.

    python3 tools/report FORM PLUGINS FOLDER [CAPTURE...] [-- TSHARK OPTION...]

FORM is text, json or csv, PLUGINS the folder with the plugin, FOLDER a temporary one that tshark's user may enter.
"""

import os
import sys

import machine
import options as tshark_options
import tables
import text
import trouble
from reading import IN_ORDER, Reading
from running import Failure, Runner, reads_once

# What tshark warns of each time, and what is no trouble here.
OUR_FILTER = "bt.donthave"


def say(words):
    print(f"tools/decode: {words}", file=sys.stderr)


def main(form, plugins, folder, *arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    captures, options = arguments[:split], list(arguments[split + 1:])
    runner = Runner(plugins, folder, say)
    options = runner.readable_key_logs(options)
    csv = machine.CsvWriter(sys.stdout, len(captures) > 1) if form == "csv" else None
    for capture in captures:
        name = "standard input" if capture == "-" else capture
        if form == "text" and tshark_options.prints_by_itself(options):
            pass_on(runner, capture, name, options)
        else:
            report(runner, capture, name, options, form, csv, several=len(captures) > 1)


def pass_on(runner, capture, name, options):
    """The user's own options choose what tshark prints; without a filter of their own, of the DontHaves alone."""
    own_filter = tshark_options.display_filter(options)
    ours = [] if tshark_options.chooses_packets(options) else ["-Y", OUR_FILTER]
    printed, status, errors = runner.run(capture, [*IN_ORDER, *ours, *options], tshark_options.two_passes(options),
                                         out=sys.stdout.buffer)
    if status != 0:
        raise Failure(trouble.failure(name, errors, runner.plugins, printed))
    if not printed and (ours or own_filter is not None):
        say(trouble.nothing(name, own_filter, two_passes=tshark_options.two_passes(options)))


def report(runner, capture, name, options, form, csv, several):
    reading = Reading(runner, capture, options, tshark_options.two_passes(options))
    donthaves = tables.report(reading.found)
    if form == "json":
        machine.write_json(sys.stdout, name, donthaves)
    elif form == "csv":
        csv.write(name, reading.found["requests"])
    else:
        if several:
            print(f"{name}:")
        for line in text.lines(donthaves, reading.found["summary"], use_color=sys.stdout.isatty()):
            print(line)
    sys.stdout.flush()
    if reading.status != 0:
        raise Failure(trouble.failure(name, reading.errors, runner.plugins, donthaves))
    if reading.withheld:
        say(trouble.withheld(name))
    if donthaves:
        return
    if not reads_once(capture):
        kind = trouble.only_a_format(runner, capture)
        if kind:
            raise Failure(f"{name} is not a capture file, tshark only knows its format: {kind}")
        reading.unreadable["dtls"] = trouble.unreadable_dtls(runner, capture, options)
    say(trouble.nothing(name, None, reading.unreadable))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failure as failure:
        say(failure)
        sys.exit(1)
    except BrokenPipeError:
        os._exit(0)     # the reader has enough
    except OSError as error:
        say(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
