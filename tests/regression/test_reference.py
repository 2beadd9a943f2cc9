"""docs/reference.md and the manual page say what the plugin has, no more and no less."""

import re
import sys

from tshark import OURS, ROOT

sys.path.insert(0, str(ROOT / "docs"))

import make_reference  # noqa: E402


def test_reference_is_what_tshark_says(one_pass):
    """Otherwise: python3 docs/make_reference.py"""
    assert (ROOT / "docs" / "reference.md").read_text() == make_reference.pages(one_pass)


def test_it_names_each_field(one_pass):
    text = (ROOT / "docs" / "reference.md").read_text()
    assert len(one_pass.our_fields()) > 50
    assert [name for name in one_pass.our_fields() if f"| `{name}` |" not in text] == []


def test_manual_page_names_only_what_there_is(one_pass):
    page = (ROOT / "docs" / "lt_donthave.7").read_text()
    named = set(re.findall(r"\bbt\.(?:donthave|peer)(?:\.\w+)*", page))
    known = {*one_pass.our_fields(), *(name.rstrip(".") for name in OURS), "bt.donthave.fallback_id"}
    assert named - known == set()
    assert "bt.donthave.piece_index" in named
