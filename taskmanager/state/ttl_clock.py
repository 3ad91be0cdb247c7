"""Says which values have expired, for state with a time to live."""

from __future__ import annotations

from collections.abc import Callable

from millstream.datastream.state import StateTtlConfig

__all__ = ["TtlClock"]


class TtlClock:
    """A clock and a time to live.

    What is stored is a pair of the value and when it was written last (or read, if that counts).

    :ivar now: the time, ms.
    :ivar refreshes_on_read: reading prolongs life.
    :ivar shows_expired: what has expired may be seen as long as it is there.
    """

    __slots__ = ("_ttl_ms", "now", "refreshes_on_read", "shows_expired")

    def __init__(self, config: StateTtlConfig, now: Callable[[], int]) -> None:
        self.now = now
        self._ttl_ms = config.get_ttl().to_milliseconds()
        self.refreshes_on_read = config.get_update_type() is StateTtlConfig.UpdateType.OnReadAndWrite
        self.shows_expired = config.get_state_visibility() is StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp

    def horizon(self) -> int:
        """What was written at this time, or before, has expired."""
        return self.now() - self._ttl_ms
