"""What went wrong around a DontHave is named, on its frame, with its severity and group; and what did not, is not.

Each item is FRAME SEVERITY GROUP NAME; a second list has those that only the second pass shows. The captures are those
of captures/generate/anomalies.py and anomalies_not.py, where each is told frame by frame. Those with Over.BOTH are told
over TCP and over uTP, with the same result.
"""

import enum

import pytest

from expert_items import PREFIX, items, items_of_many
from tshark import SYNTHETIC, Tshark

# Each name with all its severities and groups.
SEVERITIES = {
    "length": {"error malformed"},
    "bencoded": {"warn protocol"},
    "out_of_range": {"warn protocol"},
    "redundant": {"note sequence"},
    "before_availability": {"note sequence"},
    "not_advertised": {"warn protocol"},
    "own_id": {"warn protocol"},
    "disabled": {"warn protocol", "note protocol"},
    "base_message": {"warn protocol"},
    "id_assumed": {"note assumption"},
    "invalidated": {"note sequence"},
    "reject_without_fast": {"error protocol"},
    "unrejected": {"warn response_code"},
    "double_reject": {"warn response_code"},
    "late_block": {"note sequence", "warn protocol"},
    "late_request": {"chat sequence", "warn sequence"},
    "rerequest": {"warn protocol"},
    "cancel_after": {"note sequence"},
    "reannounced": {"chat sequence", "note sequence"},
    "storm": {"note protocol"},
    "contradicts_advice": {"note sequence"},
    "closed_after": {"note sequence"},
    "shared_id": {"warn protocol"},
    "bad_id": {"warn protocol"},
    "bad_handshake": {"error malformed"},
    "renumbered": {"note sequence"},
    "look_alike": {"note protocol"},
    "limit": {"note undecoded"},
}


class Over(enum.Enum):
    BOTH = ("", "-utp")
    ONE = ("",)


class Expected:
    def __init__(self, *always, second_pass=(), over=Over.BOTH):
        self.always, self.second_pass, self.over = list(always), list(second_pass), over


# What comes along with a DontHave that invalidates one request: `invalidated` on both, always.
INVALIDATED = "10 note sequence invalidated"
WAS_INVALIDATED = ["9 note sequence invalidated"]

ANOMALIES = {
    "length": Expected("9 error malformed length", "10 error malformed length"),
    "bencoded": Expected("9 warn protocol bencoded"),
    "out-of-range": Expected("10 warn protocol out_of_range", "11 warn protocol out_of_range"),
    "redundant": Expected("9 note sequence redundant", "11 note sequence redundant"),
    # The Bitfield that comes afterwards offers the piece again.
    "before-availability": Expected("8 note sequence before_availability", "9 chat sequence reannounced"),
    "not-advertised": Expected("9 warn protocol not_advertised"),
    "own-id": Expected("9 warn protocol own_id"),
    "disabled": Expected("10 warn protocol disabled"),
    "disabled-crossing": Expected("10 note protocol disabled"),
    "base-message": Expected("9 warn protocol base_message"),
    "invalidated": Expected(INVALIDATED, second_pass=2 * WAS_INVALIDATED),
    # A request must have been invalidated for its Reject to be wrong, its answer to be missing, and so on.
    "reject-without-fast": Expected(INVALIDATED, "11 error protocol reject_without_fast", second_pass=WAS_INVALIDATED),
    "unrejected": Expected(INVALIDATED, second_pass=[*2 * WAS_INVALIDATED, "9 warn response_code unrejected",
                                                     "10 warn response_code unrejected"]),
    "double-reject": Expected(INVALIDATED, "12 warn response_code double_reject",
                              "13 warn response_code double_reject", second_pass=WAS_INVALIDATED),
    "double-reject-in-a-block": Expected(INVALIDATED, "13 warn response_code double_reject", second_pass=WAS_INVALIDATED),
    "late-block": Expected(INVALIDATED, "11 note sequence late_block", second_pass=WAS_INVALIDATED),
    # The newer Request is itself late.
    "late-block-newer": Expected("10 chat sequence late_request", "11 warn protocol late_block"),
    "late-request": Expected("10 warn sequence late_request", "11 warn sequence late_request"),
    "late-request-crossed": Expected("10 chat sequence late_request"),
    # Asking again for a block of a disowned piece is a late request, too.
    "rerequest": Expected(INVALIDATED, "11 chat sequence late_request", "11 warn protocol rerequest",
                          second_pass=WAS_INVALIDATED),
    "cancel-after": Expected(INVALIDATED, "11 note sequence cancel_after", second_pass=WAS_INVALIDATED),
    "reannounced": Expected("10 chat sequence reannounced", "12 chat sequence reannounced",
                            "14 chat sequence reannounced", "16 note sequence reannounced",
                            "18 note sequence reannounced"),
    "storm": Expected("11 note protocol storm", "15 note protocol storm"),
    "contradicts-advice": Expected("10 note sequence contradicts_advice", "11 note sequence contradicts_advice"),
    "closed-after": Expected(second_pass=["9 note sequence closed_after"]),
    "closed-after-ten": Expected(second_pass=["10 note sequence closed_after"]),
    "shared-id": Expected("6 warn protocol shared_id"),
    "bad-id": Expected("6 warn protocol bad_id", "9 warn protocol bad_id", "10 warn protocol bad_id"),
    "bad-handshake": Expected("9 error malformed bad_handshake", "10 error malformed bad_handshake",
                              "11 error malformed bad_handshake"),
    "renumbered": Expected("9 note sequence renumbered"),
    "look-alike": Expected("6 note protocol look_alike", "9 note protocol look_alike", "10 note protocol look_alike"),
    "limit-names": Expected("9 note undecoded limit"),
    "limit-message": Expected("9 note undecoded limit"),
    "limit-order": Expected("69 note undecoded limit", over=Over.ONE),
}

# These, for the preference fallback_id.
ANOMALIES_OF_FALLBACK = {
    "id-assumed": Expected("3 note assumption id_assumed", over=Over.ONE),
    # The id is the preference's, which is named as well.
    "assumed-not-advertised": Expected("9 note assumption id_assumed", "9 warn protocol not_advertised",
                                       over=Over.ONE),
}

CLEAN = {
    "fast": Expected("11 note sequence invalidated", "15 chat sequence reannounced", second_pass=WAS_INVALIDATED),
    "no-fast": Expected("11 note sequence invalidated", "15 chat sequence reannounced", second_pass=WAS_INVALIDATED),
}

NOT_ANOMALIES = {
    "donthave-before-reject": Expected(INVALIDATED, "11 note sequence redundant", "12 note sequence redundant",
                                       second_pass=3 * WAS_INVALIDATED),
    "reject-before-donthave": Expected(),
    "request-after-its-answer": Expected("12 chat sequence reannounced"),
    "late-bitfield": Expected(),
    "sender-without": Expected(),
    "second-bitfield": Expected("11 note sequence redundant"),
    "same-number": Expected(),
    "base-18": Expected(),
    "renumbered-crossing": Expected("9 note sequence renumbered"),
    "storm": Expected(),
    "closed-eleven": Expected(),
    "sender-closes": Expected(),
    "closed-at-once": Expected(INVALIDATED, second_pass=WAS_INVALIDATED),
    "from-the-middle": Expected("5 note sequence late_block", over=Over.ONE),
    "gap-answer": Expected(INVALIDATED, second_pass=WAS_INVALIDATED),
    "gap-before": Expected("12 note sequence invalidated", second_pass=WAS_INVALIDATED),
    "gap-announcement": Expected(),
    "gap-have": Expected(),
    "gap-request": Expected(),
    "gap-handshake": Expected(),
    "leecher-only": Expected(),
    "snaplen": Expected(INVALIDATED, second_pass=2 * WAS_INVALIDATED),
}

NOT_ANOMALIES_OF_FALLBACK = {
    "seed-only": Expected("5 note assumption id_assumed", "7 note sequence late_block", "8 chat sequence reannounced"),
}

# All packets of the run end with these.
NOT_ANOMALIES_OF_THE_END = {
    "capture-ends": Expected(INVALIDATED, second_pass=WAS_INVALIDATED),
}
NOT_ANOMALIES_OF_A_LATER_END = {
    "long-round-trip": Expected(INVALIDATED, second_pass=WAS_INVALIDATED, over=Over.ONE),
}

FALLBACK = ("-o", "bt.donthave.fallback_id:3")


def told(kind, stories):
    """The captures of these stories, each with what to expect."""
    return {f"{kind}-{name}{over}": expected for name, expected in stories.items() for over in expected.over.value}


# What is read by one run of tshark, with its options.
RUNS = [
    ((), {**told("anomaly", ANOMALIES), **told("clean", CLEAN), **told("not-anomaly", NOT_ANOMALIES)}),
    ((), told("not-anomaly", NOT_ANOMALIES_OF_THE_END)),
    ((), told("not-anomaly", NOT_ANOMALIES_OF_A_LATER_END)),
    (FALLBACK, {**told("anomaly", ANOMALIES_OF_FALLBACK), **told("not-anomaly", NOT_ANOMALIES_OF_FALLBACK)}),
]
ALL = {capture: expected for _, captures in RUNS for capture, expected in captures.items()}


@pytest.fixture(scope="module", params=["plain", "-2"])
def found(request, staging):
    """The items of all captures, in one pass and in two."""
    tshark = Tshark(staging, two_passes=request.param == "-2")
    by_capture = {}
    for options, captures in RUNS:
        by_capture.update(items_of_many(tshark, captures, *options))
    return tshark.two_passes, by_capture


@pytest.mark.parametrize("capture", sorted(ALL))
def test_items(found, capture):
    """These items and no others."""
    two_passes, by_capture = found
    expected = ALL[capture]
    wanted = expected.always + (expected.second_pass if two_passes else [])
    assert sorted(map(str, by_capture[capture])) == sorted(wanted)


def test_every_item_has_a_capture():
    """Each name with each of its severities."""
    shown = {}
    for expected in [*ANOMALIES.values(), *ANOMALIES_OF_FALLBACK.values()]:
        for line in expected.always + expected.second_pass:
            _, severity, group, name = line.split()
            shown.setdefault(name, set()).add(f"{severity} {group}")
    assert shown == SEVERITIES


def test_every_name_is_registered(one_pass):
    fields = [line.split("\t") for line in one_pass.run("-G", "fields").splitlines()]
    assert {field[2][len(PREFIX):] for field in fields if field[2:] and field[2].startswith(PREFIX)} == set(SEVERITIES)


def test_every_capture_has_a_test():
    kinds = ("anomaly-", "clean-", "not-anomaly-")
    assert {path.name.partition(".")[0] for path in SYNTHETIC.iterdir() if path.name.startswith(kinds)} == set(ALL)


@pytest.mark.parametrize("capture", [name for name in sorted(ALL) if not name.startswith("anomaly-")])
def test_nothing_above_note(found, capture):
    assert [str(item) for item in found[1][capture] if item.severity in ("warn", "error")] == []


def test_every_item_has_a_text(found):
    assert all(item.text for of_capture in found[1].values() for item in of_capture)


# --- texts ---

def test_text(one_pass):
    """It tells what was seen, with numbers, and what the BEP asks."""
    assert [item.text for item in items(one_pass, "anomaly-late-request")] == [
        "Request 1 for piece 5, which the peer disowned in frame 9 (0.001000 s ago); BEP 54: treat it as unavailable",
        "Request 2 for piece 5, which the peer disowned in frame 9 (1.200000 s ago); BEP 54: treat it as unavailable"]


# --- severities of the user's own ---

def test_severity_by_option(tshark):
    """It holds for a name with one severity, and for a name with two for both of them."""
    options = [part for record in ("own_id\",\"Chat", "late_request\",\"Note", "reannounced\",\"Warning")
               for part in ("-o", f'uat:expert_severity:"bt.donthave.expert.{record}"')]
    captures = ["anomaly-own-id", "anomaly-late-request", "anomaly-late-request-crossed", "anomaly-reannounced"]
    assert [list(map(str, of_capture)) for of_capture in items_of_many(tshark, captures, *options).values()] == [
        ["9 chat protocol own_id"],
        ["10 note sequence late_request", "11 note sequence late_request"],
        ["10 note sequence late_request"],
        [f"{frame} warn sequence reannounced" for frame in (10, 12, 14, 16, 18)]]


def test_severity_by_profile(one_pass, monkeypatch):
    """The file that Wireshark's preferences write."""
    folder = one_pass.staging.folder / "profile"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    file = folder / "expert_severity"
    file.write_text('"bt.donthave.expert.late_request","Error"\n"bt.donthave.expert.invalidated","Chat"\n')
    file.chmod(0o644)

    command = one_pass.command

    def with_profile(*arguments, **options):
        words = command(*arguments, **options)
        at = words.index("tshark")
        return [*words[:at], f"WIRESHARK_CONFIG_DIR={folder}", *words[at:]]

    monkeypatch.setattr(one_pass, "command", with_profile)
    assert list(map(str, items(one_pass, "anomaly-rerequest"))) == [
        "10 chat sequence invalidated", "11 error sequence late_request", "11 warn protocol rerequest"]
