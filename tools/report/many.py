"""Behind tools/decode-many, which starts it: decodes many captures with Dask.distributed.

    python3 tools/report/many.py PLUGINS OUT SCHEDULER WORKERS PATH... -- TSHARK OPTION...

SCHEDULER and WORKERS may be empty: then the workers are processes of this machine, one for each core.
"""

import csv
import json
import os
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import cloudpickle
import dask
import distributed

import machine
import reading
import running
import session
import sessions
import tables
import trouble
from running import Failure

REPORT_SECONDS = 10         # between two words of progress, where it is no terminal

# A task whose worker died is given to another one as often; then it is the capture that kills them.
WORKER_DEATHS = 2

# So often what is left is begun again where the connection to the scheduler was lost.
ATTEMPTS = 3

# What makes a connection bad, the worst first.
WORST_FIRST = ["Never rejected", "Late requests", "Late blocks", "Requests", "DontHaves"]
WORST_SHOWN = 10


def say(words):
    print(f"tools/decode-many: {words}", file=sys.stderr)


def connect(scheduler, workers):
    """A client of the cluster that runs, or of one that is started for this run and that nobody else may talk to."""
    if scheduler:
        return distributed.Client(scheduler, timeout=20)
    dask.config.set({"distributed.scheduler.allowed-failures": WORKER_DEATHS,
                     "distributed.worker.daemon": False})
    cluster = distributed.LocalCluster(n_workers=int(workers or os.cpu_count()), threads_per_worker=1, processes=True,
                                       dashboard_address=None, security=distributed.Security.temporary())
    return distributed.Client(cluster)


class Progress:
    """How far it is: a line on a terminal, else one from time to time."""

    def __init__(self, total):
        self.total, self.done, self.failed = total, 0, 0
        self.terminal, self.told = sys.stderr.isatty(), time.monotonic()

    def step(self, failed):
        self.done += 1
        self.failed += failed
        text = f"{self.done:,} of {self.total:,} captures"
        if self.failed:
            text += f", {self.failed:,} of them failed"
        if self.terminal:
            width = max(10, os.get_terminal_size(sys.stderr.fileno()).columns - len(text) - 4)
            filled = width * self.done // self.total
            print(f"\r\033[K[{'#' * filled}{' ' * (width - filled)}] {text}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self.told >= REPORT_SECONDS:
            self.told = time.monotonic()
            say(text)

    def end(self):
        if self.terminal:
            print(file=sys.stderr)


def run(client, tasks, plugins, options):
    """Decodes; tasks is {target: captures}. Returns {target: what went wrong} of those that failed, and those of which nothing is
    known, as the connection to the scheduler was lost."""
    for module in (machine, reading, running, session, tables, trouble):
        cloudpickle.register_pickle_by_value(module)        # the workers need not have them
    progress, failures, left = Progress(len(tasks)), {}, {}
    decode = session.decode

    def task(captures, target):         # a local function, which no scheduler looks for in a module of its own
        return decode(captures, target, plugins, options)

    futures = {client.submit(task, captures, target, pure=False): target for target, captures in tasks.items()}
    for future in distributed.as_completed(futures):
        try:
            trouble_with_it = future.result()   # is waited for again where it was lost with its worker
        except CancelledError:
            left[futures[future]] = tasks[futures[future]]
            continue
        except distributed.scheduler.KilledWorker:
            trouble_with_it = "the worker died, on each attempt"
        except Exception as error:              # whatever a task of this machine or of another one may raise
            trouble_with_it = f"{type(error).__name__}: {error}"
        if trouble_with_it:
            failures[futures[future]] = trouble_with_it
        progress.step(bool(trouble_with_it))
        future.release()
    progress.end()
    return failures, left


def run_all(scheduler, workers, tasks, plugins, options):
    """The same for good. Returns {target: what went wrong}."""
    failures, left = {}, tasks
    for attempt in range(ATTEMPTS):
        try:
            client = connect(scheduler, workers)
        except OSError:
            if attempt == 0:
                raise
            break
        with client:
            failed, left = run(client, left, plugins, options)
        failures.update(failed)
        if not left:
            break
    return failures | {target: "the connection to Dask's scheduler was lost" for target in left}


def write_table(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def put_together(out, tasks, failures):
    """One table of all requests, and one of all connections. Returns the connections."""
    connections = []
    with open(out / "requests.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["capture", *machine.CSV_COLUMNS])
        for target, captures in tasks.items():
            if target in failures:
                continue
            with open(f"{target}.csv", encoding="utf-8", newline="") as rows:
                writer.writerows([captures[0], *row] for row in list(csv.reader(rows))[1:])
            with open(f"{target}.json", encoding="utf-8") as summary:
                connections += [{"Capture": str(captures[0]), **row} for row in json.load(summary)["connections"]]
    connections.sort(key=lambda row: [-(row[column] or 0) for column in WORST_FIRST])
    columns = list(connections[0]) if connections else ["Capture"]
    write_table(out / "connections.csv", columns, ([row[column] for column in columns] for row in connections))
    return connections


def main(plugins, out, scheduler, workers, *arguments):
    split = arguments.index("--")
    captures, options = sessions.captures_in(arguments[:split]), list(arguments[split + 1:])
    if not captures:
        raise Failure("no capture in these folders")
    out = Path(out).absolute()
    common = Path(os.path.commonpath([path.parent for path in captures]))
    tasks = {str(out / "captures" / files[0].relative_to(common)): files for files in sessions.sessions(captures)}
    (out / "captures").mkdir(parents=True, exist_ok=True)

    to_do = {target: files for target, files in tasks.items() if not session.done(target, files)}
    say(f"{len(captures):,} files, {len(tasks):,} captures, {len(tasks) - len(to_do):,} of them done already")
    failures = {}
    if to_do:
        failures = run_all(scheduler, workers, to_do, plugins, options)
    write_table(out / "errors.csv", ["capture", "error"],
                ([tasks[target][0], error] for target, error in sorted(failures.items())))
    connections = put_together(out, tasks, failures)
    for row in connections[:WORST_SHOWN]:
        print(f"{row['Capture']}: {row['Sender']} -> {row['Receiver']}: {row['In words']}")
    say(f"{len(connections):,} connections with DontHaves in {out}/connections.csv, "
        f"{len(failures):,} captures failed ({out}/errors.csv)")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Failure, OSError) as error:
        say(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
