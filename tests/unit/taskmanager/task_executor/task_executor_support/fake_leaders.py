"""A directory of leaders that says what the tests tell it to say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import LeaderSessionId


class FakeLeaderDirectory:
    """Knows of each endpoint who leads it."""

    description = "ZooKeeper at nowhere"

    def __init__(self) -> None:
        self._leaders: dict[str, LeaderInformation] = {}
        self._watches: dict[str, list[Callable[[LeaderInformation | None], None]]] = {}
        self.asked = 0
        self.closed = False

    def name(self, endpoint: str, address: str, session_id: str) -> None:
        """Somebody leads the endpoint from now on."""
        self._leaders[endpoint] = LeaderInformation(address, LeaderSessionId(session_id))
        self._tell(endpoint)

    def forget(self, endpoint: str) -> None:
        """Nobody leads the endpoint any more."""
        self._leaders.pop(endpoint, None)
        self._tell(endpoint)

    def watched(self) -> set[str]:
        return {endpoint for endpoint, watches in self._watches.items() if watches}

    async def current(self, endpoint: str) -> LeaderInformation:
        self.asked += 1
        leader = self._leaders.get(endpoint)
        if leader is None:
            raise NoLeaderError(f"nobody leads {endpoint}")
        return leader

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        watches = self._watches.setdefault(endpoint, [])
        watches.append(on_change)
        telling = asyncio.get_running_loop().call_soon(lambda: on_change(self._leaders.get(endpoint)))

        def end() -> None:
            telling.cancel()
            watches.remove(on_change)

        return end

    async def close(self) -> None:
        self.closed = True

    def _tell(self, endpoint: str) -> None:
        for on_change in list(self._watches.get(endpoint, [])):
            on_change(self._leaders.get(endpoint))
