"""Fixtures: tools/mse-keylog in source trees of their own."""

import pytest

pytest.register_assert_rewrite("keylog_tool")

from keylog_tool import Tool


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """tools/mse-keylog in a source tree of its own, for one module."""
    return Tool(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def tool(built):
    """The command, with no key log yet."""
    built.keys.unlink(missing_ok=True)
    return built


@pytest.fixture
def fresh(tmp_path):
    """The command before its first use."""
    return Tool(tmp_path / "tree")
