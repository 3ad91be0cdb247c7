"""The network between simulated hosts: how long things take, what is cut off from what, who listens where.

Remote calls (:mod:`~millstream.testing.simulation.rpc`), TCP (:mod:`~millstream.testing.simulation.transport`) and
modelled servers all ask it. Hosts are names; a process reaches its own host always, whatever is partitioned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from millstream.testing.simulation.rpc import SimulatedRpcService
    from millstream.testing.simulation.simulated_process import SimulatedProcess
    from millstream.testing.simulation.simulation import Simulation

__all__ = ["Conditions", "Listener", "Resettable", "SimulatedNetwork"]

_FIRST_EPHEMERAL_PORT: Final = 32_768
_FIRST_RETRANSMISSION_S: Final = 0.2
_LONGEST_RETRANSMISSION_S: Final = 10.0
_ON_THE_SAME_HOST: Final = 0.1
"""Part of the latency that there is within one host."""
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "0.0.0.0", "::", "::1"})
_GRAIN: Final = 16 << 10
_REORDERED_BY: Final = 20.0
"""How many latencies a message that is to be overtaken waits longer."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How good the network is.

    :ivar latency: seconds that every packet takes.
    :ivar jitter: up to so many seconds more.
    :ivar loss: part of the messages that get lost. Of a remote call nothing comes then, until its deadline; TCP sends
        again, so what was lost comes later.
    :ivar duplicate: part of the requests that come twice.
    :ivar reorder: part of the messages that later ones overtake; TCP keeps its order.
    :ivar bytes_per_second: of one connection.
    """

    latency: float = 0.0003
    jitter: float = 0.0005
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    bytes_per_second: float = 1e9


class Resettable(Protocol):
    """A connection between two hosts."""

    @property
    def hosts(self) -> tuple[str, str]: ...

    def reset(self) -> None:
        """Both ends learn now that the connection is broken."""
        ...


class Listener(Protocol):
    """Takes TCP connections at a port."""

    process: SimulatedProcess


class SimulatedNetwork:
    """Made by the simulation: ``simulation.network``."""

    def __init__(self, simulation: Simulation) -> None:
        self.conditions = Conditions()
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.connections: dict[Resettable, None] = {}
        self.rpc_services: dict[SimulatedRpcService, None] = {}
        self.rpc_listening: dict[str, SimulatedRpcService] = {}
        self._simulation = simulation
        self._random = simulation.source("network")
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []
        self._ports: dict[str, int] = {}

    # ---------------------------------------------------------------- faults

    def partition(self, hosts_a: Iterable[str], hosts_b: Iterable[str], one_way: bool = False) -> Callable[[], None]:
        """Let nothing get from ``hosts_a`` to ``hosts_b``, nor back unless ``one_way``. Returns what heals it.

        Connections stay open and hang. What TCP had to say comes some time after the network is healed.
        """
        a, b = frozenset(hosts_a), frozenset(hosts_b)
        cuts = [(a, b)] if one_way else [(a, b), (b, a)]
        self._cuts += cuts
        text = f"{', '.join(sorted(a))} {'->' if one_way else '<->'} {', '.join(sorted(b))}"
        self._simulation.timeline.record("network", f"cut: {text}")

        def heal() -> None:
            if cuts:
                for cut in cuts:
                    self._cuts.remove(cut)
                cuts.clear()
                self._simulation.timeline.record("network", f"healed: {text}")

        return heal

    def set_conditions(
        self,
        latency: float | None = None,
        jitter: float | None = None,
        loss: float | None = None,
        duplicate: float | None = None,
        reorder: float | None = None,
    ) -> Callable[[], None]:
        """Make the network better or worse; what is not given stays. Returns what sets these back to what they were."""
        before = self.conditions
        given = {
            name: value
            for name, value in (
                ("latency", latency),
                ("jitter", jitter),
                ("loss", loss),
                ("duplicate", duplicate),
                ("reorder", reorder),
            )
            if value is not None
        }
        self.conditions = replace(before, **given)
        self._simulation.timeline.record("network", f"conditions: {given}")

        def restore() -> None:
            self.conditions = replace(self.conditions, **{name: getattr(before, name) for name in given})
            self._simulation.timeline.record("network", f"no longer: {given}")

        return restore

    def reset_connections(self, host_a: str, host_b: str) -> int:
        """Break all connections between two hosts; both ends notice. Returns how many there were.

        Calls that wait for an answer fail at their callers; whoever watches a process finds it again.
        """
        broken = [each for each in self.connections if set(each.hosts) == {host_a, host_b}]
        for each in broken:
            each.reset()
        calls = 0
        for service in list(self.rpc_services):
            for here, there in ((host_a, host_b), (host_b, host_a)):
                if service.host == here:
                    calls += service.reset_calls(there)
        count = f"{len(broken)} connections and {calls} calls"
        self._simulation.timeline.record("network", f"{count} between {host_a} and {host_b} reset")
        return len(broken)

    # ---------------------------------------------------------------- for what is on the network

    @property
    def simulation(self) -> Simulation:
        return self._simulation

    def is_reachable(self, source: str, target: str) -> bool:
        """Whether a packet that arrives now gets through."""
        if source == target or not self._cuts:
            return True
        return not any(source in a and target in b for a, b in self._cuts)

    def delay(self, source: str, target: str, size: int = 0) -> float:
        """Return how many seconds a packet of so many bytes takes this time."""
        conditions = self.conditions
        seconds = conditions.latency + conditions.jitter * self._random.random()
        if source == target:
            seconds *= _ON_THE_SAME_HOST
        # Coarsely: a few bytes of a message may differ from run to run (a checksum of a file that RocksDB has written).
        return seconds + size // _GRAIN * _GRAIN / conditions.bytes_per_second

    def chance(self, part: float) -> bool:
        """Return true in this part of the cases."""
        return part > 0 and self._random.random() < part

    def send(
        self, source: str, target: str, arrive: Callable[[], object], size: int = 0, patience: float = 600.0
    ) -> None:
        """Let ``arrive`` be called, outside all processes, as soon as a packet has come through.

        It is sent again and again while the way is cut, as TCP does.

        :param patience: seconds after which it is given up in silence.
        """
        deadline = self._simulation.elapsed + patience
        self._attempt(source, target, arrive, self.delay(source, target, size), deadline, _FIRST_RETRANSMISSION_S)

    def _attempt(
        self, source: str, target: str, arrive: Callable[[], object], after: float, deadline: float, pause: float
    ) -> None:
        def comes() -> None:
            if self.is_reachable(source, target):
                arrive()
            elif self._simulation.elapsed < deadline:
                longer = min(2 * pause, _LONGEST_RETRANSMISSION_S)
                self._attempt(source, target, arrive, pause, deadline, longer)

        self._simulation.at(after, comes)

    def send_message(
        self,
        source: str,
        target: str,
        arrive: Callable[[], object],
        size: int,
        patience: float,
        may_double: bool = False,
    ) -> None:
        """As :meth:`send`, for one message of a remote call: conditions may lose, double or delay it."""
        conditions = self.conditions
        if self.chance(conditions.loss):
            return
        after = self.delay(source, target, size)
        if self.chance(conditions.reorder):
            after += _REORDERED_BY * (conditions.latency + conditions.jitter) * self._random.random()
        deadline = self._simulation.elapsed + patience
        self._attempt(source, target, arrive, after, deadline, _FIRST_RETRANSMISSION_S)
        if may_double and self.chance(conditions.duplicate):
            again = after + self.delay(source, target, size)
            self._attempt(source, target, arrive, again, deadline, _FIRST_RETRANSMISSION_S)

    def resolve(self, process: SimulatedProcess, host: str | None) -> str:
        """Return the host that a name means within a process."""
        return process.host if host is None or host in _LOOPBACK else host

    def free_port(self, host: str) -> int:
        """Return a port of the host that nobody has had before."""
        port = self._ports.get(host, _FIRST_EPHEMERAL_PORT)
        self._ports[host] = port + 1
        return port
