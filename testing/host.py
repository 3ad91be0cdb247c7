"""Where a process of a test's cluster runs: on this machine as it is, or on one that only looks like another.

See :mod:`millstream.testing.network_namespaces` for hosts whose networks can be cut apart.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOOPBACK", "Host"]


@dataclass(frozen=True, slots=True)
class Host:
    """A place for processes.

    :ivar address: that its processes listen at, and that others reach them at.
    :ivar command: what stands before a command so that it runs there.
    """

    address: str
    command: tuple[str, ...] = ()


LOOPBACK = Host("127.0.0.1")
"""This machine, for nobody else."""
