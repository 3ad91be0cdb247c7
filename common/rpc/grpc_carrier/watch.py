"""Notices that the process at an address is gone, by its broken connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from millstream.common.rpc.grpc_carrier.peer import Peer
from millstream.common.rpc.service import RpcError, RpcTimeoutError, RpcUnavailableError

__all__ = ["Watch"]

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 0.05
_ATTEMPTS: Final = 2
"""Connections that must fail in a row until the process counts as gone; a single one may be a hiccup."""


class Watch:
    """Watches one address for any number of listeners; tells each of them once.

    A process that is connected but slow is not gone: that is for heartbeats to judge. A broken connection is made
    anew at once; if that fails, or if another process answers, the watched one is gone.

    :param probe: connects and returns the connection and the name of the process that answered.
    :param on_end: called when the watch has told its listeners or has none left.
    """

    def __init__(self, address: str, probe: Callable[[], Awaitable[tuple[Peer, str]]]) -> None:
        self._address = address
        self._probe = probe
        self._listeners: list[Callable[[str], None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """It has told its listeners, or has none: it watches no more."""
        return self._task is None or not self._listeners

    def add(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"watch {self._address}")

    def remove(self, listener: Callable[[str], None]) -> None:
        """Forget the listener. The last one to go ends the watch."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Tell nobody any more."""
        self._listeners.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            reason = await self._gone()
        except Exception as error:
            logger.exception("the watch over %s failed", self._address)
            reason = f"the watch over {self._address} failed: {error}"
        finally:
            self._task = None
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener(reason)

    async def _gone(self) -> str:
        """Return why, as soon as the process is gone."""
        known = ""
        failures = 0
        while True:
            try:
                peer, instance = await self._probe()
            except RpcTimeoutError:
                continue
            except RpcUnavailableError as error:
                failures += 1
                if failures >= _ATTEMPTS:
                    return f"the connection to {self._address} broke and cannot be made again: {error}"
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except RpcError as error:
                return f"{self._address} answers no more as it should: {error}"
            failures = 0
            if known and instance != known:
                return f"another process has taken the place of the one at {self._address}"
            known = instance
            await peer.connection_lost()
