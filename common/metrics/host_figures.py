"""How busy the host is: shares of processor time and bytes a second, from two looks at the system's totals.

A look is taken when somebody asks and the last one is five seconds old; shares and rates are those of the time between
the last two looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["HostFigures", "HostLook", "look_at_host"]

_FRESH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class HostLook:
    """The system's totals at a time.

    :ivar cpu_seconds: seconds of all processors by what they did: ``user``, ``idle``...
    :ivar processors: for each processor, seconds that it was busy and seconds in all.
    :ivar received: bytes that each network interface received.
    :ivar sent: bytes that each network interface sent.
    """

    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    processors: tuple[tuple[float, float], ...] = ()
    received: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)


def look_at_host() -> HostLook:
    """The totals as they are now."""
    import psutil

    interfaces = psutil.net_io_counters(pernic=True)
    return HostLook(
        cpu_seconds=_seconds(psutil.cpu_times()),
        processors=tuple(_busy_and_all(_seconds(times)) for times in psutil.cpu_times(percpu=True)),
        received={name: counters.bytes_recv for name, counters in interfaces.items()},
        sent={name: counters.bytes_sent for name, counters in interfaces.items()},
    )


class HostFigures:
    """What happened between the last two looks.

    :param look: takes the totals.
    :param monotonic: seconds on a clock that never goes backwards.
    """

    __slots__ = ("_before", "_elapsed", "_last", "_look", "_looked_at", "_monotonic")

    def __init__(
        self, look: Callable[[], HostLook] = look_at_host, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._monotonic = monotonic
        self._before = self._last = look()
        self._looked_at = monotonic()
        self._elapsed = 0.0

    @property
    def interfaces(self) -> list[str]:
        """The network interfaces there are."""
        return sorted(self._last.received)

    @property
    def processors(self) -> int:
        """How many processors there are."""
        return len(self._last.processors)

    def cpu_share(self, *activities: str) -> float:
        """Percent of all processor time that went into these activities."""
        self._refresh()
        before, now = self._before.cpu_seconds, self._last.cpu_seconds
        total = sum(now.values()) - sum(before.values())
        spent = sum(now.get(activity, 0.0) - before.get(activity, 0.0) for activity in activities)
        return _percent(spent, total)

    def processor_share(self, number: int) -> float:
        """Percent of its time that one processor was busy."""
        self._refresh()
        if number >= min(len(self._last.processors), len(self._before.processors)):
            return 0.0
        (busy_before, all_before), (busy, in_all) = self._before.processors[number], self._last.processors[number]
        return _percent(busy - busy_before, in_all - all_before)

    def receive_rate(self, interface: str) -> float:
        """Bytes that an interface received a second."""
        self._refresh()
        return self._rate(self._before.received, self._last.received, interface)

    def send_rate(self, interface: str) -> float:
        """Bytes that an interface sent a second."""
        self._refresh()
        return self._rate(self._before.sent, self._last.sent, interface)

    def _rate(self, before: Mapping[str, int], now: Mapping[str, int], interface: str) -> float:
        if self._elapsed <= 0 or interface not in before or interface not in now:
            return 0.0
        return max(now[interface] - before[interface], 0) / self._elapsed

    def _refresh(self) -> None:
        now = self._monotonic()
        if now - self._looked_at >= _FRESH_SECONDS:
            self._before, self._last = self._last, self._look()
            self._elapsed, self._looked_at = now - self._looked_at, now


def _seconds(times: object) -> dict[str, float]:
    # The system counts guests' time as user time already.
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return {name: float(getattr(times, name, 0.0)) for name in names}


def _busy_and_all(seconds: Mapping[str, float]) -> tuple[float, float]:
    total = sum(seconds.values())
    return total - seconds["idle"] - seconds["iowait"], total


def _percent(part: float, whole: float) -> float:
    return min(max(100.0 * part / whole, 0.0), 100.0) if whole > 0 else 0.0
