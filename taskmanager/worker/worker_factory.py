"""What runs inside a worker, as the worker's surroundings see it.

:class:`SlotWorkerLike` is the face of :class:`millstream.taskmanager.slot_worker.SlotWorker` that processes and
threads need. Processes get its factory by name (``module:callable``), because nothing but names can be given to a
program that is started afresh.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast

from millstream.common.clock import Clock
from millstream.common.wire.worker_pb2 import WorkerCommand, WorkerEvent

__all__ = ["SLOT_WORKER", "SlotWorkerFactory", "SlotWorkerLike", "load_factory"]

SLOT_WORKER = "millstream.taskmanager.slot_worker:SlotWorker"
"""The one that real workers run."""


class SlotWorkerLike(Protocol):
    """Carries out commands, reports by events."""

    async def handle(self, command: WorkerCommand) -> None:
        """Carry out one command. Never raises for a fault of the job."""
        ...

    async def close(self) -> None:
        """Cancel what runs and let go of everything."""
        ...


SlotWorkerFactory: TypeAlias = Callable[[Callable[[WorkerEvent], None], Clock], SlotWorkerLike]


def load_factory(name: str) -> SlotWorkerFactory:
    """Import and return the factory called ``module:callable``."""
    module_name, _, attribute = name.partition(":")
    return cast(SlotWorkerFactory, getattr(importlib.import_module(module_name), attribute))
