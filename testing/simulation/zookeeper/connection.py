"""A TCP connection between a client and a server: in order each way, late, held up by cuts, and broken by either end.

What is sent into a cut is not lost: it is sent again, ever more seldom, until the cut ends or the receiver has closed
its end. So a request may arrive when its sender has long given it up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from millstream.testing.simulation.zookeeper.messages import Reply, Request
from millstream.testing.simulation.zookeeper.scheduler import RESOLUTION_S, Scheduler

__all__ = ["Connection"]

M = TypeVar("M")

_FIRST_REPEAT_S = 0.2
_LAST_REPEAT_S = 5.0


class _Way(Generic[M]):
    """One direction. ``None`` is the end: nothing comes after it."""

    def __init__(self, scheduler: Scheduler, sender: str, receiver: str, deliver: Callable[[M | None], None]) -> None:
        self._scheduler = scheduler
        self._sender = sender
        self._receiver = receiver
        self._deliver = deliver
        self._under_way: deque[tuple[float, M | None]] = deque()
        self._is_set = False
        self._repeat_s = _FIRST_REPEAT_S
        self._is_open = True

    def send(self, message: M | None) -> None:
        if not self._is_open:
            return
        due = self._scheduler.now + self._scheduler.latency(self._sender, self._receiver)
        if self._under_way:
            due = max(due, self._under_way[-1][0])
        self._under_way.append((due, message))
        self._set(due - self._scheduler.now)

    def forget(self) -> None:
        """Lose what is under way."""
        self._under_way.clear()

    def close(self) -> None:
        """The receiver takes nothing any more."""
        self._is_open = False
        self._under_way.clear()

    def _set(self, delay: float) -> None:
        if not self._is_set:
            self._is_set = True
            self._scheduler.at(max(delay, 0.0), self._arrive)

    def _arrive(self) -> None:
        self._is_set = False
        if not self._under_way:
            return
        if self._scheduler.is_cut(self._sender, self._receiver):
            self._set(self._repeat_s)
            self._repeat_s = min(self._repeat_s * 2, _LAST_REPEAT_S)
            return
        self._repeat_s = _FIRST_REPEAT_S
        while self._under_way and self._under_way[0][0] <= self._scheduler.now + RESOLUTION_S:
            self._deliver(self._under_way.popleft()[1])
        if self._under_way:
            self._set(self._under_way[0][0] - self._scheduler.now)


class Connection:
    """One connection, from the first packet on.

    :param to_server: gets what the client sends; ``None`` when the client has closed.
    :param to_client: gets what the server sends; ``None`` when the server has closed, or refuses.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        client_host: str,
        server_host: str,
        to_server: Callable[[Connection, Request | None], None],
        to_client: Callable[[Connection, Reply | None], None],
    ) -> None:
        self.client_host = client_host
        self._requests: _Way[Request] = _Way(scheduler, client_host, server_host, lambda m: to_server(self, m))
        self._replies: _Way[Reply] = _Way(scheduler, server_host, client_host, lambda m: to_client(self, m))

    def request(self, request: Request) -> None:
        self._requests.send(request)

    def reply(self, reply: Reply) -> None:
        self._replies.send(reply)

    def close_by_client(self) -> None:
        """What was sent may still arrive; what comes is not taken."""
        self._requests.send(None)
        self._replies.close()

    def close_by_server(self) -> None:
        """What was sent may still arrive; what comes is not taken."""
        self._replies.send(None)
        self._requests.close()

    def break_by_server(self) -> None:
        """The server is gone, and all that was under way with it."""
        self._replies.forget()
        self.close_by_server()
