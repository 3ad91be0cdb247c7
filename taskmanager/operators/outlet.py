"""Something at the end of a chain that may be full: the task must not process more until there is room."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Outlet"]


class Outlet(Protocol):
    """An output edge, or a sink that holds its records until somebody takes them."""

    @property
    def has_room(self) -> bool:
        """False: call :meth:`wait_room` before more is processed."""
        ...

    async def wait_room(self) -> None:
        """Return when there is room; raises what makes that impossible."""
        ...

    def hurry(self, on: bool) -> None:
        """Have several times the room for now, so that the task soon comes to where a checkpoint can be taken."""
        ...

    async def wait_consumed(self) -> None:
        """After the end of the data: return when all of it has been taken."""
        ...
