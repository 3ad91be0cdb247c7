"""How a savepoint, a checkpoint or a rescaling gets on, in one line that is rewritten in place."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

from millstream.client.cli.terminal.figures import clock, size

if TYPE_CHECKING:
    from millstream.common.wire.checkpoint_pb2 import JobCheckpoints

__all__ = ["LiveOperation"]


class LiveOperation:
    """A line with a spinner, for the time of a ``with`` statement.

    :param what: is under way, such as ``Savepoint``.
    """

    def __init__(self, what: str, console: Console | None = None) -> None:
        self._what = what
        self._began = time.monotonic()
        self._status = Status(what, console=console if console is not None else Console(highlight=False))

    def __enter__(self) -> LiveOperation:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._status.stop()

    def show(self, checkpoints: JobCheckpoints) -> None:
        """Tell how the newest one of the job's snapshots gets on."""
        text = f"{self._what} {clock(time.monotonic() - self._began)}"
        newest = checkpoints.history[0] if checkpoints.history else None
        if newest is not None and newest.status == "IN_PROGRESS":
            text += f"  {newest.acknowledged} of {newest.subtasks} tasks have acknowledged, {size(newest.state_size)}"
        self._status.update(text)
