"""Results that wait for the client to fetch them (``execute_and_collect``).

Each result has a number. What the client has not acknowledged is in the snapshots, so a sink that is restored goes on
with the numbers that the checkpoint had come to; whatever the client has got beyond that, it throws away. If the job
takes checkpoints, the client gives out only what a complete one covers, and so each result once.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterable
from itertools import islice
from typing import Any

import cloudpickle

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import CollectSinkSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode

__all__ = ["CollectSinkOperator", "ResultsNotFetchedError", "UnpicklableResultError"]

_RESULTS = " results"
_MAX_RESPONSE_RECORDS = 2_000
_MAX_RESPONSE_BYTES = 8 * 1024 * 1024
_LONG_POLL_S = 0.1
_OVERDRAFT = 8
_FAREWELL_S = 2.0
"""How long to wait for the acknowledgement of the last results; the client may be content and gone."""


class ResultsNotFetchedError(MillstreamError):
    """The client stopped fetching the results."""


class UnpicklableResultError(MillstreamError):
    """A result cannot travel to the client."""


class CollectSinkOperator(Operator):
    """A bounded buffer between the job and the client.

    A request acknowledges what the client has; the response gives what follows. Unacknowledged results are kept, so
    a response that got lost is given again. The buffer's size is what pushes back on the job. A client that comes from
    another attempt of the task, or is new, is first told where to begin.
    """

    def __init__(self, spec: CollectSinkSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._timeout_s = context.fetch_timeout_s
        self._usual_capacity = self._capacity = max(1, spec.max_buffered_records)
        self._attempt = context.task.attempt_id
        self._states = context.state
        self._checkpointing = context.checkpointing
        self._buffer: list[Any] = []
        self._offset = 0
        self._ready = False  # it knows from which number on it gives results
        self._restored_end = 0
        self._covered = 0  # results before this number are covered by a complete checkpoint
        self._ends: dict[int, int] = {}  # by checkpoint that is not complete yet: how many results it covers
        self._told = 0
        self._finished = False
        self._farewell_sent = False
        self._acknowledged_end = False
        self._last_request: float | None = None
        self._failure: UnpicklableResultError | None = None
        self._changed = asyncio.Event()
        self._records = 0

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        self._buffer.extend(batch.values)
        self._records += len(batch.values)
        self._changed.set()
        return ()

    def initialize_state(self) -> None:
        for offset, results in self._states.operator().items(_RESULTS) or ():
            self._offset, self._buffer = offset, list(results)
        self._restored_end = self._covered = self._offset + len(self._buffer)
        self._ready = True

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        kept = (self._offset, list(self._buffer))
        self._states.operator().put_items(_RESULTS, [kept], OperatorStateMode.UNION)
        self._ends[checkpoint.checkpoint_id] = self._offset + len(self._buffer)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        for known in [each for each in self._ends if each <= checkpoint_id]:
            self._covered = max(self._covered, self._ends.pop(known))
        self._changed.set()
        return ()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._ends.pop(checkpoint_id, None)

    def finish(self) -> Iterable[RecordBatch]:
        self._finished = True
        self._changed.set()
        return ()

    @property
    def has_room(self) -> bool:
        return len(self._buffer) < self._capacity and self._failure is None

    async def wait_room(self) -> None:
        await self._wait(lambda: len(self._buffer) < self._capacity)

    def hurry(self, on: bool) -> None:
        self._capacity = self._usual_capacity * (_OVERDRAFT if on else 1)
        if on:
            self._changed.set()

    async def wait_consumed(self) -> None:
        # The task has come to its end for good, even if its input was only stopped: no further checkpoint is needed.
        self._finished = True
        self._checkpointing = False
        self._changed.set()
        await self._wait(lambda: self._acknowledged_end)

    async def handle_request(self, payload: bytes) -> bytes:
        """Answer a fetch; waits a moment for results if there are none.

        :raises MillstreamError: the request makes no sense or comes too early, or the results cannot be pickled.
        """
        if not self._ready:
            raise MillstreamError(f"the results of {self._info.name!r} before this attempt are still being restored")
        if len(payload) < 8:
            raise MillstreamError(
                "a fetch of results begins with 8 bytes, the number of results received; the attempt that gave them "
                "follows"
            )
        self._last_request = asyncio.get_running_loop().time()
        if payload[8:].decode() != self._attempt:
            return pickle.dumps((self._attempt, self._offset, [], False, self._restored_end), protocol=5)
        self._acknowledge(int.from_bytes(payload[:8], "big"))
        covered = self._covered_end()
        if not self._buffer and not self._finished and covered == self._told:
            self._changed.clear()
            await _wait_at_most(self._changed, _LONG_POLL_S)
        return self._response()

    def _covered_end(self) -> int:
        """The number up to which the client may give out results."""
        return self._covered if self._checkpointing else self._offset + len(self._buffer)

    def _acknowledge(self, received: int) -> None:
        taken = received - self._offset
        if taken < 0 or taken > len(self._buffer):
            raise MillstreamError(
                f"the client says that it has {received} results; this sink holds "
                f"{self._offset} to {self._offset + len(self._buffer)}"
            )
        del self._buffer[:taken]
        self._offset = received
        if self._farewell_sent and not self._buffer:
            self._acknowledged_end = True
        self._changed.set()

    def _response(self) -> bytes:
        count = _MAX_RESPONSE_RECORDS
        while True:
            results = list(islice(self._buffer, count))
            covered = self._covered_end()
            finished = self._finished and covered == self._offset + len(results) == self._offset + len(self._buffer)
            encoded = self._encode((self._attempt, self._offset, results, finished, covered))
            if len(encoded) <= _MAX_RESPONSE_BYTES or len(results) <= 1:
                self._told = covered
                self._farewell_sent = self._farewell_sent or finished
                # The client has everything already: it need not say so once more.
                self._acknowledged_end = self._acknowledged_end or (finished and not results)
                self._changed.set()
                return encoded
            count = len(results) // 2

    def _encode(self, response: tuple[str, int, list[Any], bool, int]) -> bytes:
        try:
            return pickle.dumps(response, protocol=5)
        except Exception:  # noqa: BLE001  # whatever a user's __reduce__ raises; cloudpickle may manage
            try:
                encoded: bytes = cloudpickle.dumps(response, protocol=5)
                return encoded
            except Exception as error:
                culprit = next((value for value in response[2] if not _can_be_pickled(value)), None)
                self._failure = UnpicklableResultError(
                    f"a result of type {type(culprit).__qualname__} cannot be pickled to be sent to the client: {error}"
                )
                self._changed.set()
                raise self._failure from error

    async def _wait(self, condition: Any) -> None:
        """Wait for the client to make ``condition`` true."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            if self._failure is not None:
                raise self._failure
            if self._farewell_sent and self._last_request is not None:
                deadline = self._last_request + _FAREWELL_S
                if loop.time() >= deadline:
                    return
            else:
                deadline = max(began, self._last_request or began) + self._timeout_s
                if loop.time() >= deadline:
                    raise ResultsNotFetchedError(
                        f"{len(self._buffer)} results of {self._info.name!r} wait for the client, which has not "
                        f"fetched any for {self._timeout_s:g} s (client.heartbeat.timeout): it has probably ended"
                    )
            self._changed.clear()
            await _wait_at_most(self._changed, deadline - loop.time())

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return FailureSite(self._info, phase or "collect")

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    # Not wait_for: before Python 3.12 it forgets a cancellation that comes in the moment in which the event is set.
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()
        await asyncio.wait({waiting})


def _can_be_pickled(value: Any) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001  # that is the question
        return False
    return True
