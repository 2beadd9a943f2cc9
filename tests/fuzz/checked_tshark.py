"""What mutate_captures, sanitize_captures and memcheck_captures have in common: which captures there are, the keys of those that
are encrypted, and tshark whose trouble is seen."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

sys.path.append(str(Path(__file__).resolve().parents[1] / "regression"))

from many import Many  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STOCK = "/nonexistent"      # for the folder of plugins
# As root, tshark ignores WIRESHARK_PLUGIN_DIR without a word.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
COMMON = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}
SMALL = 30_000              # bytes of a file
STATISTICS = ["expert", "bt.donthave,list", "bt.donthave,requests", "bt.donthave,summary", "bt.donthave,tree", "bt.mse,unreadable"]
TAPS = [part for statistic in STATISTICS for part in ("-z", statistic)]
TROUBLE = re.compile(r"(?i)dissector bug|critical|assertion|too many items|sanitizer|runtime error")


def captures():
    return sorted([*(ROOT / "captures").rglob("*.pcap"), *(ROOT / "captures").rglob("*.pcap.gz"),
                   *(ROOT / "captures").rglob("*.pcapng.gz")])


def small_captures():
    """Nearly all of the synthetic ones, and the smallest recordings."""
    return [capture for capture in captures() if capture.stat().st_size <= SMALL]


def join(chosen, folder):
    """The captures one after another in a file."""
    return Many(SimpleNamespace(folder=folder), chosen)


class Keys:
    """All keys that lie beside captures, in two files that everybody may read: of MSE, which the plugin alone knows, and of
    DTLS."""

    def __init__(self, folder):
        texts = [path.read_text() for path in sorted((ROOT / "captures").rglob("*.keys"))]
        self.of_dtls = "".join(text for text in texts if "MSE " not in text)
        self._mse, self._dtls = folder / "mse.keys", folder / "dtls.keys"
        self._mse.write_text("".join(text for text in texts if "MSE " in text))
        self._dtls.write_text(self.of_dtls)
        for path in (self._mse, self._dtls):
            path.chmod(0o644)

    def options(self, plugins):
        """For tshark with the plugins of that folder."""
        ours = [] if str(plugins) == STOCK else ["-o", f"bt.peer.mse_keylog_file:{self._mse}"]
        return ["-o", f"tls.keylog_file:{self._dtls}", *ours]


def command(environment, plugins, *arguments):
    variables = [f"{name}={value}" for name, value in (COMMON | environment).items()] + [f"WIRESHARK_PLUGIN_DIR={plugins}"]
    return [*NOBODY, "env", "-u", "XDG_CONFIG_HOME", *variables, "tshark", *map(str, arguments)]


def run(arguments, timeout):
    """Exit code (a negative one is a signal, None a time-out), and what was written to standard error."""
    with tempfile.TemporaryFile() as errors:
        try:
            code = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                                  timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            code = None
        errors.seek(0)
        return code, errors.read().decode(errors="replace")


def check_plugin(environment, plugins):
    """That it is loaded: without it all would pass."""
    done = subprocess.run(command(environment, plugins, "-G", "protocols"), capture_output=True, text=True)
    if "\tbt.donthave" not in done.stdout:
        raise SystemExit(f"tshark does not load the plugin in {plugins}: {done.stderr}")
