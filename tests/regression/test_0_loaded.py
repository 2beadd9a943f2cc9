"""Before anything else: tshark has really loaded the plugin that was built."""

from tshark import PLUGINS


def test_protocol_is_registered(one_pass):
    """tshark carries on without a plugin that it cannot load, so every other test would say nothing."""
    protocols = [line.split("\t")[2] for line in one_pass.run("-G", "protocols").splitlines()]
    assert "bt.donthave" in protocols


def test_plugin_is_the_one_that_was_built(one_pass):
    """It comes from the build folder and names its version."""
    plugin = [[column.strip() for column in line.split("\t")]
              for line in one_pass.run("-G", "plugins").splitlines() if "lt_donthave" in line]
    assert len(plugin) == 1, plugin
    assert plugin[0][0] == "lt_donthave.so"
    assert plugin[0][1][:1].isdigit()
    assert plugin[0][-1].startswith(str(one_pass.staging.readable(PLUGINS)))


def test_heuristics_have_their_names(one_pass):
    """Users switch the parts of the plugin in the list of heuristic dissectors; tshark refuses a name it does not know."""
    for name in ("bt_peer_tcp", "lt_donthave_bittorrent"):
        one_pass.read("port-6881", "--enable-heuristic", name)
