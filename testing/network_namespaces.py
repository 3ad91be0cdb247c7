"""Hosts whose network can be cut: each in a network namespace of its own, all of them on one bridge.

Cutting is silent, as it is when a switch fails: nothing is refused, packets just do not arrive. One direction between
two hosts is cut by giving the sender a wrong hardware address of the other; this needs no firewall and no module of
the kernel. A whole host is cut off by taking its interface down. This process itself is a host too, that of the
bridge.

All names carry the process's id, and everything is removed when the context ends. It takes root, and Linux.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from millstream.common.errors import MillstreamError
from millstream.testing.host import Host

__all__ = ["NamespacesForbiddenError", "NetworkNamespaces"]

_COMMAND_SECONDS = 10.0
_NOBODY = "02:00:00:00:00:00"
"""A hardware address that no host has."""

_networks = itertools.count()


class NamespacesForbiddenError(MillstreamError):
    """This process may not make network namespaces here. The message says what is missing."""


class NetworkNamespaces:
    """A network of hosts; use it in a ``with`` statement.

    :param names: of the hosts, at most 200.
    :ivar hosts: by name; this process is not among them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        network = next(_networks)
        # Names of interfaces have at most 15 characters.
        self._prefix = f"ms{os.getpid()}.{network}"
        self._bridge = f"{self._prefix}b"
        self._subnet = f"10.{100 + os.getpid() % 100}.{(os.getpid() // 100 + network) % 250}"
        self._numbers = {name: number for number, name in enumerate(names, start=2)}
        self.hosts = {name: Host(self._address(name), ("ip", "netns", "exec", self._namespace(name))) for name in names}
        self._open = ExitStack()

    @property
    def address(self) -> str:
        """This process's address, at which hosts reach it."""
        return f"{self._subnet}.1"

    def cut(self, one: str | None, other: str | None) -> None:
        """Let nothing pass between two hosts; ``None`` is this process."""
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def cut_one_way(self, sender: str | None, receiver: str | None) -> None:
        """Let nothing pass from one host to another; what the other sends arrives."""
        self._neighbour(sender, receiver, _NOBODY)

    def heal(self, one: str | None, other: str | None) -> None:
        """Undo what :meth:`cut` and :meth:`cut_one_way` did between two hosts."""
        self._neighbour(one, other, self._hardware_address(other))
        self._neighbour(other, one, self._hardware_address(one))

    def isolate(self, name: str) -> None:
        """Cut a host off from all others, as if its cable were pulled."""
        _run("ip", "link", "set", self._outer(name), "down")

    def rejoin(self, name: str) -> None:
        """Undo :meth:`isolate`."""
        _run("ip", "link", "set", self._outer(name), "up")

    def start(self) -> NetworkNamespaces:
        """Make all hosts.

        :raises NamespacesForbiddenError: that cannot be done here.
        """
        if shutil.which("ip") is None:
            raise NamespacesForbiddenError("There is no `ip` command: install iproute2 (apt-get install iproute2).")
        if os.geteuid() != 0:
            raise NamespacesForbiddenError("Network namespaces need root; this process is not root's.")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.close()
            raise NamespacesForbiddenError(
                f"Network namespaces cannot be made here: {' '.join(error.cmd)}: {error.stderr.strip()}"
            ) from error
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Remove everything. Processes in the namespaces keep them alive, nameless, until they end."""
        self._open.close()

    def __enter__(self) -> NetworkNamespaces:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _make(self) -> None:
        _run("ip", "link", "add", self._bridge, "address", self._hardware_address(None), "type", "bridge")
        self._open.callback(_run, "ip", "link", "delete", self._bridge)
        _run("ip", "address", "add", f"{self.address}/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")
        for name in self.hosts:
            self._make_host(name)
        # Who is where is written down for ever: nobody asks for it, so a cut in one direction is one in no other.
        for one, other in itertools.permutations([None, *self.hosts], 2):
            self._neighbour(one, other, self._hardware_address(other))

    def _make_host(self, name: str) -> None:
        namespace, outer, hardware = self._namespace(name), self._outer(name), self._hardware_address(name)
        _run("ip", "netns", "add", namespace)
        self._open.callback(_run, "ip", "netns", "delete", namespace)
        _run(
            *("ip", "link", "add", outer, "type", "veth"),
            *("peer", "name", "eth0", "address", hardware, "netns", namespace),
        )
        # The namespace lives on while a process is in it: its interface goes first, and by itself.
        self._open.callback(_run, "ip", "link", "delete", outer)
        _run("ip", "link", "set", outer, "master", self._bridge, "up")
        _run("ip", "-n", namespace, "address", "add", f"{self._address(name)}/24", "dev", "eth0")
        _run("ip", "-n", namespace, "link", "set", "eth0", "up")
        _run("ip", "-n", namespace, "link", "set", "lo", "up")

    def _neighbour(self, of: str | None, other: str | None, hardware: str) -> None:
        where = ("dev", self._bridge) if of is None else ("dev", "eth0")
        command = ("ip",) if of is None else ("ip", "-n", self._namespace(of))
        _run(*command, "neighbour", "replace", self._address(other), "lladdr", hardware, *where, "nud", "permanent")

    def _namespace(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _outer(self, name: str) -> str:
        return f"{self._prefix}v{self._numbers[name]}"

    def _address(self, name: str | None) -> str:
        return self.address if name is None else f"{self._subnet}.{self._numbers[name]}"

    def _hardware_address(self, name: str | None) -> str:
        return f"02:00:00:00:01:{1 if name is None else self._numbers[name]:02x}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_COMMAND_SECONDS)
