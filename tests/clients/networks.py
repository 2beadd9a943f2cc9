"""Network namespaces of our own, so that nothing that a client sends can leave the machine or meet other programs."""

import os
import subprocess
import sys

INSIDE = "BT_DONTHAVE_INSIDE_NAMESPACE"
ETHERNET_MTU = "1500"
LOCAL_PORTS = "/proc/sys/net/ipv4/ip_local_port_range"
NOBODYS_PORTS = 60002, 65535    # no dissector of Wireshark 4.0, 4.4 or 4.6 has one of them
ONE_PACKET_AT_A_TIME = ("gso_max_segs", "1", "gso_max_size", ETHERNET_MTU)  # the kernel would capture larger ones


def inside():
    return INSIDE in os.environ


def unshare(command):
    """The command line that runs this command in a new network namespace.

    An ordinary user gets a user namespace as well, where the system allows that, and stays who he is in it, as tshark
    loads no plugins for root.
    """
    with_user = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return ["unshare", *with_user, "--net", *command]


def possible():
    """Whether this user may make a network namespace here."""
    return subprocess.run(unshare(["true"]), capture_output=True).returncode == 0


def enter(command=None):
    """Start a command, or this program again, in a new network namespace that holds nothing but loopback.

    Does not return there; inside, it makes loopback ready: it gets the packet sizes of Ethernet, as with its usual 64 KiB
    hardly any message would be split. A port that the system chooses is none that Wireshark gives to a dissector (it was
    5037 once, adb's).
    """
    if not inside():
        os.environ[INSIDE] = "yes"
        os.execvp("unshare", unshare(command or [sys.executable, *sys.argv]))
    ip("link", "set", "lo", "mtu", ETHERNET_MTU, *ONE_PACKET_AT_A_TIME, "up")
    with open(LOCAL_PORTS, "w") as file:
        file.write("{} {}".format(*NOBODYS_PORTS))


def endpoint(text):
    """ADDRESS:PORT as Python's sockets have it."""
    address, _, port = text.rpartition(":")
    return address, int(port)


def use_address(address):
    """Make an address of our own on loopback."""
    ip("address", "replace", f"{address}/32", "dev", "lo")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Neighbour:
    """A second namespace, joined to ours by a cable (a veth pair). Ends, cable and all, with the context."""

    def __init__(self, interface, our_address, its_address):
        self.interface = interface
        self.our_address = our_address
        self.address = its_address

    def __enter__(self):
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                        stdout=subprocess.PIPE)
        self._holder.stdout.readline()  # the namespace exists from now on
        try:
            self._connect()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        ip("link", "delete", self.interface)  # now; with the namespace it would go at some later time
        self._end()

    def _connect(self):
        ip("link", "add", self.interface, "type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid))
        ip("address", "add", f"{self.our_address}/24", "dev", self.interface)
        ip("link", "set", self.interface, *ONE_PACKET_AT_A_TIME, "up")
        for arguments in (["address", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", *ONE_PACKET_AT_A_TIME, "up"],
                          ["link", "set", "lo", "up"]):
            subprocess.run(self.command(["ip", *arguments]), check=True)

    def _end(self):
        self._holder.kill()
        self._holder.wait()

    def command(self, command):
        """The command line that runs this command in the neighbour's namespace."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *command]
