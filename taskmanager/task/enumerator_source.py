"""The enumerator of a source, as the source of a task: it gives splits, each with the reader that it is for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.records import Marker, RecordBatch
from millstream.common.time import Duration
from millstream.common.wire.cluster_pb2 import SplitRequest
from millstream.datastream.split_enumerator import SplitEnumerator
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, OperatorContext
from millstream.taskmanager.task.source_driver import END_OF_INPUT, EndOfInput

__all__ = ["EnumeratorSource"]

_ITEMS = " enumerator"


@dataclass(slots=True)
class _Periodic:
    call: Callable[[], None]
    period_ms: int
    due_ms: int


class EnumeratorSource:
    """Runs a :class:`~millstream.datastream.split_enumerator.SplitEnumerator`, and is its context."""

    def __init__(
        self, source: Any, context: OperatorContext, configuration: Mapping[str, str], readers: int, *, restored: bool
    ) -> None:
        """:param readers: how many there are.

        :param restored: the enumerator is in the checkpoint that the task goes on from.
        """
        self.info = context.info
        self.records_out = 0
        self.opened = False
        self.configuration = configuration
        self.current_parallelism = readers
        self._source = source
        self._states = context.state
        self._time = context.processing_time
        self._restored = restored
        self._enumerator: SplitEnumerator | None = None
        self._registered = 0
        self._assigned: list[tuple[int, Any]] = []
        self._ended: set[int] = set()  # the readers that get no more
        self._requests: deque[int] = deque()
        self._answered: dict[int, tuple[str, int]] = {}  # by reader: the attempt, and the last request taken
        self._periodic: list[_Periodic] = []
        self._phase: str | None = None
        self._wakeup = asyncio.Event()

    # ---------------------------------------------------------------- what the enumerator says

    @property
    def registered_readers(self) -> Sequence[int]:
        return range(self._registered)

    def assign_split(self, split: Any, subtask_id: int) -> None:
        self._check(subtask_id)
        if subtask_id in self._ended:
            raise ValueError(f"reader {subtask_id} was told that it gets no more splits, so it cannot get {split!r}")
        self._assigned.append((subtask_id, split))
        self._wakeup.set()

    def assign_splits(self, assignment: Mapping[int, Sequence[Any]]) -> None:
        for subtask_id, splits in assignment.items():
            for split in splits:
                self.assign_split(split, subtask_id)

    def signal_no_more_splits(self, subtask_id: int) -> None:
        self._check(subtask_id)
        self._ended.add(subtask_id)
        self._wakeup.set()

    def call_periodically(self, call: Callable[[], None], period: Duration) -> None:
        period_ms = period.to_millis()
        if period_ms <= 0:
            raise ValueError(f"call_periodically() takes a Duration of a millisecond or more, not {period!r}")
        self._periodic.append(_Periodic(call, period_ms, self._time.now_ms()))
        self._wakeup.set()

    def _check(self, subtask_id: int) -> None:
        if not 0 <= subtask_id < self.current_parallelism:
            raise ValueError(f"there is no reader {subtask_id!r}: there are {self.current_parallelism}, from 0 on")

    # ---------------------------------------------------------------- what the task asks of it

    def request(self, payload: bytes) -> None:
        """A reader wants a split; it may say so more than once."""
        request = SplitRequest.FromString(payload)
        reader = request.subtask_index
        if not 0 <= reader < self.current_parallelism:
            raise MillstreamError(f"source {self.info.name!r} has no reader {reader}")
        attempt_id, number = self._answered.get(reader, ("", 0))
        if attempt_id == request.attempt_id and number >= request.number:
            return
        self._answered[reader] = (request.attempt_id, request.number)
        self._requests.append(reader)
        self._wakeup.set()

    def initialize_state(self) -> None:
        """The enumerator is made when it is opened."""

    def open(self) -> None:
        if self._restored:
            items = self._states.operator().items(_ITEMS) or []
            enumerator = self._called("restore_enumerator", lambda: self._source.restore_enumerator(self, items))
        else:
            enumerator = self._called("create_enumerator", lambda: self._source.create_enumerator(self))
        self._enumerator = enumerator
        self._called("start", enumerator.start)
        for reader in range(self.current_parallelism):
            self._registered = reader + 1
            self._called("add_reader", lambda reader=reader: enumerator.add_reader(reader))  # type: ignore[misc]  # mypy cannot infer a lambda with a default

    def poll(self) -> RecordBatch | Marker | EndOfInput | None:
        enumerator = self._enumerator
        if enumerator is None:
            raise RuntimeError(f"the enumerator of source {self.info.name!r} was polled before it was opened")
        if self._periodic:
            self._call_what_is_due()
        while self._requests:
            reader = self._requests.popleft()
            if reader not in self._ended:
                self._called("handle_split_request", lambda reader=reader: enumerator.handle_split_request(reader))  # type: ignore[misc]  # the same
        assigned = self.emitted()
        if assigned is None and len(self._ended) == self.current_parallelism:
            return END_OF_INPUT
        return assigned

    def _call_what_is_due(self) -> None:
        now_ms = self._time.now_ms()
        for each in self._periodic[:]:
            if each.due_ms <= now_ms:
                self._called("call_periodically", each.call)
                each.due_ms = self._time.now_ms() + each.period_ms
        self._time.wake_at(min(each.due_ms for each in self._periodic))

    def _called(self, phase: str, call: Callable[[], Any]) -> Any:
        """Call the enumerator; a failure names the method."""
        self._phase = phase
        result = call()
        self._phase = None
        return result

    async def wait(self) -> None:
        await self._wakeup.wait()
        self._wakeup.clear()

    def wake(self) -> None:
        self._wakeup.set()

    def processed(self, records: int, elapsed_ns: int) -> None:
        """Splits cost next to nothing."""

    def claim(self) -> bool:
        return True  # it does nothing between two polls

    def hand_back(self) -> None:
        """It was not held up."""

    def emitted(self) -> RecordBatch | Marker | None:
        if not self._assigned:
            return None
        assigned, self._assigned = self._assigned, []
        self.records_out += len(assigned)
        return RecordBatch(assigned)

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        if self._enumerator is not None:
            items = list(self._enumerator.snapshot_state())
            if self._assigned:
                raise RuntimeError(
                    f"{type(self._enumerator).__qualname__}.snapshot_state() assigned a split; it must only say what "
                    "is not assigned"
                )
            self._states.operator().put_items(_ITEMS, items)

    def checkpoint_complete(self, checkpoint_id: int) -> None:
        self._notify("notify_checkpoint_complete", checkpoint_id)

    def checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._notify("notify_checkpoint_aborted", checkpoint_id)

    def _notify(self, hook: str, checkpoint_id: int) -> None:
        call = getattr(self._enumerator, hook, None)
        if callable(call):
            call(checkpoint_id)

    async def drain(self) -> list[RecordBatch | Marker]:
        given = self.emitted()
        return [] if given is None else [given]

    async def stop(self) -> None:
        """It has nothing running."""

    def close(self) -> None:
        if self._enumerator is not None:
            enumerator, self._enumerator = self._enumerator, None
            enumerator.close()

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        return FailureSite(self.info, self._phase or phase)
