"""One live download: clients, the captures of it, and the comparisons that hold for all downloads."""

import collections
import contextlib
import json
import shutil

from observers import Observers, counted_from_first_row
from running import Client
from tshark import BUILD

GIVEN_UP = "peer sent donthave"  # lt_donthave on npm: the error of a request whose piece was disowned


class Stage:
    """A context in which a function of downloads.py starts clients and captures. All of it ends with the context.

    The folder, with capture, rows and logs, is kept for a look if keep() was called.
    """

    def __init__(self, name, one_pass, two_passes):
        self.folder = BUILD / "live" / name
        self.keys_file = one_pass.staging.folder / f"{name}.keys"  # where the user who runs tshark may read it
        self.kept = False
        self._options = []
        self._one_pass = one_pass
        self._two_passes = two_passes
        self._clients = []
        self._receivers = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        self._cleanup.close()
        if not self.kept:
            shutil.rmtree(self.folder)

    def keep(self):
        """Stop the clients, and keep what there is to see. Returns the folder."""
        self._cleanup.close()
        self.kept = True
        if self.keys_file.exists():
            shutil.copy(self.keys_file, self.folder)
        for client in self._clients:
            lines = "".join(json.dumps(event) + "\n" for event in client.events)
            self.folder.joinpath(f"{client.name}.log").write_text(lines)
        return self.folder

    def decrypt_mse(self):
        """Have tshark decrypt with the secrets that a client writes to keys_file, while it writes them."""
        self.keys_file.touch()
        self.keys_file.chmod(0o644)  # tshark may run as another user; who adds lines leaves that as it is
        self._options = ["-o", f"bt.peer.mse_keylog_file:{self.keys_file}"]

    def decrypt_dtls(self):
        """The same with the keys of WebRTC connections."""
        self.keys_file.touch()
        self.keys_file.chmod(0o644)
        self._options = ["-o", f"tls.keylog_file:{self.keys_file}"]

    # For downloads.py.

    def use(self, context):
        return self._cleanup.enter_context(context)

    def start(self, name, command):
        client = self.use(Client(name, command))
        self._clients.append(client)
        return client

    def start_receiver(self, name, command):
        client = self.start(name, command)
        self._receivers.append(client)
        return client

    def capture(self):
        self.observers = Observers(self.folder, self._one_pass, self._options)
        return self.observers

    # What the clients logged.

    def logged(self, *events):
        return [entry for client in self._receivers for entry in client.log() if entry["event"] in events]

    def events(self, *names):
        """Events that are no messages: of the receiving clients, in order."""
        return [event for client in self._receivers for event in client.select(*names)]

    # What the plugin shows.

    def items(self, kind, columns):
        """Items bt.donthave.KIND in the written file, with two passes."""
        return [tuple(item.split()) for item in self._two_passes.items(self.observers.file, kind, columns, *self._options)]

    def rows(self, columns, where):
        """Rows of the written file, each a tuple."""
        rows = self._one_pass.rows(self.observers.file, columns, *self._options, where=where)
        return [tuple(row.split(" ")) for row in rows]

    def expert_names(self):
        return {item.split()[1] for item in self._two_passes.experts(self.observers.file, *self._options)}

    # Comparisons.

    def check_captures(self):
        """Live, through a pipe, and from the written file: the same rows; and they came while the download ran."""
        live, pipe, file = self.observers.live, self.observers.pipe, self.observers.rows_of_file()
        same("rows of tshark -i - from a pipe, and of the file", pipe.rows, file)
        same("rows of tshark -i lo, and of the file", counted_from_first_row(live.rows), counted_from_first_row(file))
        for tshark in (live, pipe):
            assert tshark.times[0] < self.observers.over, f"{tshark.name}: printed nothing while the download ran"

    def check_dont_haves(self):
        """Each DontHave that a client logged, and no other: by receiver and sender, in order."""
        seen = collections.defaultdict(list)
        for row in self.observers.live.rows:
            sender = f"{row['ip.src']}:{row['tcp.srcport'] or row['udp.srcport']}"
            seen[row["ip.dst"], sender] += map(int, row["bt.donthave.piece_index"].split(","))
        logged = collections.defaultdict(list)
        for entry in self.logged("donthave"):
            logged[entry["address"], entry["peer"]].append(entry["piece"])
        assert logged, "no client logged a DontHave"
        same("DontHaves", dict(seen), dict(logged))

    def check_failed_requests(self, asked_again=frozenset()):
        """The requests whose callbacks failed are those that DontHaves invalidated."""
        failed = [block(entry) for entry in self.logged("request_failed") if entry["error"] == GIVEN_UP]
        assert failed, "no client gave up a request"
        invalidated = self.blocks_of_items("request")
        same_blocks("failed requests", invalidated, failed, asked_again)
        numbers = [int(number) for row in self.observers.live.rows for number in row["bt.donthave.requests"].split(",")]
        same("number of invalidated requests, live and on the requests", sum(numbers), len(invalidated))

    def check_rejects(self, asked_again=frozenset()):
        """The Rejects that the clients logged answer the requests that DontHaves invalidated."""
        logged = [block(entry) for entry in self.logged("reject")]
        assert logged, "no client logged a Reject"
        same_blocks("Rejects", self.blocks_of_items("reject"), logged, asked_again)

    def blocks_of_items(self, kind):
        return [tuple(map(int, item[1:])) for item in self.items(kind, "piece_index begin length")]

    def asked_again(self):
        """The blocks that a client asked for once more before the Reject of an earlier request for them came.

        Then the ledger follows the newer request alone, while the other end answers both.
        """
        again, waiting = set(), collections.Counter()
        for entry in self.logged("request", "reject"):
            waiting[block(entry)] += 1 if entry["event"] == "request" else -1
            if waiting[block(entry)] > 1:
                again.add(block(entry))
        return again

    def check_expert_items(self, *allowed):
        """Nothing to object to beyond what these clients are known for."""
        unexpected = self.expert_names() - {"invalidated", *allowed}
        assert not unexpected, f"unexpected expert items: {sorted(unexpected)}"


def block(entry):
    return entry["piece"], entry["begin"], entry["length"]


def same_blocks(what, seen, logged, asked_again):
    """Compare two lists of blocks; of a block that was asked for again, fewer may have been seen than were logged."""
    seen, logged = collections.Counter(seen), collections.Counter(logged)
    for again in asked_again:
        logged[again] = min(seen[again], logged[again])
    same(what, sorted(seen.elements()), sorted(logged.elements()))


def same(what, seen, logged):
    """Fail with both lists if they differ."""
    if seen != logged:
        raise AssertionError(f"{what} differ\n--- the first:\n{listed(seen)}\n--- the second:\n{listed(logged)}")


def listed(values):
    if isinstance(values, dict):
        return "\n".join(f"{key}: {value}" for key, value in sorted(values.items()))
    return "\n".join(map(str, values)) or "(none)"
