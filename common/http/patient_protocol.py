"""uvicorn's protocol, with patience that ends.

A client that connects and does not ask, or never comes to the end of its request, would hold a connection for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["patient_protocol"]


def patient_protocol(idle_seconds: float) -> type[asyncio.Protocol]:
    """Return the protocol class for connections on which a request is waited for no longer than this.

    The head of a request has to come within that time as a whole; between two parts of its body it may pass.
    """

    class PatientProtocol(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base does
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                if self._waiting is None and self.timeout_keep_alive_task is None:
                    self._wait()
                return
            self._wait_no_more()
            if self.cycle.more_body:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(idle_seconds, self.transport.close)

        def _wait_no_more(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return PatientProtocol
