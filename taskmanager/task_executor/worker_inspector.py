"""Looks at the slot workers of a TaskManager, each for a limited time.

Who asks wants to see what there is: a worker that is dead, that ends meanwhile, or whose user code does not let it
answer is left out, and the others are shown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from millstream.common.errors import MillstreamError
from millstream.common.wire.cluster_pb2 import Empty
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, SetLogLevelRequest, ThreadInfo, ThreadProfiles
from millstream.common.wire.worker_pb2 import WorkerInspection, WorkerInspectionResult
from millstream.taskmanager.inspection.stacks_on_signal import stacks_by_signal
from millstream.taskmanager.task_executor.allocated_slot import AllocatedSlot

__all__ = ["WorkerInspector"]

_log = logging.getLogger(__name__)


class WorkerInspector:
    """Asks workers.

    :param slots: gives the slots that have workers, or soon will.
    """

    def __init__(self, slots: Callable[[], Iterable[AllocatedSlot]]) -> None:
        self._slots = slots
        self._log_levels: dict[str, SetLogLevelRequest] = {}

    async def ask_all(self, inspection: WorkerInspection, timeout_s: float) -> list[WorkerInspectionResult]:
        """Ask all workers at once; return the answers, in the order of the slots."""
        slots = sorted((slot for slot in self._slots() if slot.has_worker), key=lambda slot: slot.index)
        return await self.ask(slots, inspection, timeout_s)

    async def ask(
        self, slots: Iterable[AllocatedSlot], inspection: WorkerInspection, timeout_s: float
    ) -> list[WorkerInspectionResult]:
        """Ask the workers of some slots at once; return the answers, in their order."""
        answers = await asyncio.gather(*(self._ask_one(slot, inspection, timeout_s) for slot in slots))
        return [answer for answer in answers if answer is not None]

    async def threads(self, timeout_s: float) -> list[ThreadInfo]:
        """What the threads of all workers do; also of those that do not answer, as far as they can be seen."""
        slots = sorted((slot for slot in self._slots() if slot.has_worker), key=lambda slot: slot.index)
        of_slots = await asyncio.gather(*(self._threads_of(slot, timeout_s) for slot in slots))
        return [thread for threads in of_slots for thread in threads]

    async def profiles(self, request: ProfileThreadsRequest, timeout_s: float) -> ThreadProfiles:
        """Where the threads of all workers spend their time, and which workers have not told."""
        slots = sorted((slot for slot in self._slots() if slot.has_worker), key=lambda slot: slot.index)
        names = [f"slot {slot.index}: {slot.worker_description}" for slot in slots]
        inspection = WorkerInspection(profile_threads=request)
        answers = await asyncio.gather(*(self._ask_one(slot, inspection, timeout_s) for slot in slots))
        profiles = ThreadProfiles()
        for name, answer in zip(names, answers, strict=True):
            if answer is None:
                profiles.missing.append(name)
            else:
                profiles.processes.append(answer.thread_profile)
        return profiles

    async def _threads_of(self, slot: AllocatedSlot, timeout_s: float) -> list[ThreadInfo]:
        answer = await self._ask_one(slot, WorkerInspection(thread_dump=Empty()), timeout_s)
        if answer is not None:
            return list(answer.thread_dump.threads)
        if not slot.has_worker:
            return []
        return await stacks_by_signal(slot.worker_pid, slot.worker_description)

    async def set_log_level(self, request: SetLogLevelRequest, timeout_s: float) -> None:
        """Set a level in all workers, and in those to come."""
        self._log_levels[request.logger] = request
        await self.ask_all(WorkerInspection(set_log_level=request), timeout_s)

    def greet(self, slot: AllocatedSlot) -> None:
        """A slot has got its worker: let it log what the others do.

        :raises WorkerLostError: it is gone already.
        """
        for request in self._log_levels.values():
            slot.tell(WorkerInspection(set_log_level=request))

    async def _ask_one(
        self, slot: AllocatedSlot, inspection: WorkerInspection, timeout_s: float
    ) -> WorkerInspectionResult | None:
        try:
            return await slot.inspect(inspection, timeout_s)
        except MillstreamError as error:
            _log.debug("nothing is seen of slot %d: %s", slot.index, error)
            return None
