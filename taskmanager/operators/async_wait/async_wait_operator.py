"""The operator behind ``AsyncDataStream``.

Every record becomes a call of the user's function. Coroutines are asyncio tasks on the slot's loop, so they run while
the operator's task waits for something; real tasks, because the libraries that they use (timeouts, HTTP clients) ask
for the current one. What they return is put in order by an :class:`ElementQueue` and goes on when the task takes
outputs again: from ``on_wake``, or in passing when the next batch comes. While as many records are under way as there
may be, the operator takes no more and has its task wait.

Timeouts and the pauses between attempts are measured by the loop's clock.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter_ns
from typing import Any

import cloudpickle

from millstream.common.graph.operator_spec import AsyncSpec
from millstream.common.records import LatencyMarker, RecordBatch, Watermark, WatermarkStatus
from millstream.common.types import Row
from millstream.datastream.functions import AsyncFunction, takes_result_future
from millstream.taskmanager.operators.async_wait.async_call import AsyncCall
from millstream.taskmanager.operators.async_wait.call_result_future import CallResultFuture
from millstream.taskmanager.operators.async_wait.element_queue import (
    ElementQueue,
    OrderedQueue,
    QueuedMarker,
    UnorderedQueue,
)
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS, QUANTUM_NS
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.operator import (
    NO_RECORD,
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
    Pause,
)
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["AsyncWaitOperator"]

_log = logging.getLogger(__name__)

_INVOKE = "async_invoke"
_TIMEOUT = "timeout"
_UNDER_WAY = " under-way"
_STOP_TIMEOUT_S = 2.0
_CANCEL_AGAIN_S = 0.25
"""A coroutine may catch one cancellation by mistake; one that catches all of them is left alone in the end."""


class AsyncWaitOperator(Operator):
    """Calls an ``AsyncFunction``.

    :ivar loop: the slot's loop; ``None`` before the first record.
    :ivar thread_ident: the thread of the loop.
    """

    slices_itself = True

    def __init__(self, spec: AsyncSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._function = UserFunction(spec.function, _INVOKE, context)
        self._invoke = self._function.call
        unwrapped = inspect.unwrap(self._invoke)
        self._is_coroutine = inspect.iscoroutinefunction(self._invoke) or inspect.iscoroutinefunction(unwrapped)
        self._wants_future = takes_result_future(self._invoke)
        self._on_timeout: Callable[..., Any] | None = getattr(spec.function, _TIMEOUT, None)
        if getattr(self._on_timeout, "__func__", None) is AsyncFunction.timeout:
            self._on_timeout = None  # the same, but it can say more
        self._timeout_wants_future = self._on_timeout is not None and takes_result_future(self._on_timeout)
        self._convert: Callable[[Any], Any] | None = None
        if spec.output_type is not None:
            self._convert = spec.output_type.conversion()
        self._timeout_s = spec.timeout_ms / 1000
        self._capacity = spec.capacity
        self._strategy = spec.retry_strategy
        predicate = None if self._strategy is None else self._strategy.get_retry_predicate()
        self._result_predicate = None if predicate is None else predicate.result_predicate()
        self._exception_predicate = None if predicate is None else predicate.exception_predicate()

        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread_ident = 0
        self._processing_time = context.processing_time
        self._queue: ElementQueue = OrderedQueue() if spec.ordered else UnorderedQueue()
        # In the order of their deadlines, since all have the same time.
        self._under_way: dict[AsyncCall, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._states = context.state
        self._restored: deque[tuple[Any, int | None]] = deque()
        self._failed: tuple[BaseException, FailureSite] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False
        self._stopped = False
        self._records_out = 0

    # ---------------------------------------------------------------- what the task calls

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def initialize_state(self) -> None:
        self._restored.extend(map(cloudpickle.loads, self._states.operator().items(_UNDER_WAY) or ()))
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        records = [(each.value, each.timestamp) for each in self._queue.elements() if isinstance(each, AsyncCall)]
        records.extend(self._restored)
        # Functions change records while they are under way, so the snapshot is of bytes. Markers come again.
        self._states.operator().put_items(_UNDER_WAY, [cloudpickle.dumps(record) for record in records])

    def open(self) -> None:
        self._function.open()
        if self._restored:
            self._wake()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        yield from self._replay()
        timestamps = batch.timestamps
        queue = self._queue
        capacity = self._capacity
        began = perf_counter_ns()
        for index, value in enumerate(batch.values):
            while queue.size >= capacity:
                yield from self._ready()
                if queue.size >= capacity:
                    yield Pause(self._wait)
                began = perf_counter_ns()
            self._begin(value, None if timestamps is None else timestamps[index])
            if perf_counter_ns() - began > QUANTUM_NS:
                yield Pause(_breathe)
                began = perf_counter_ns()
        yield from self._ready()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        return self._process_marker(watermark)

    def process_status(self, status: WatermarkStatus) -> Iterable[Output]:
        return self._process_marker(status)

    def process_latency_marker(self, marker: LatencyMarker) -> Iterable[Output]:
        return self._process_marker(marker)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        yield from self._ready()
        if self._restored:
            self._begin_restored()
            yield from self._ready()

    def finish(self) -> Iterable[Output]:
        yield from self._replay()
        while True:
            yield from self._ready()
            if not self._queue.size:
                return
            yield Pause(self._wait)

    async def stop(self) -> None:
        """Cancel what is under way. Coroutines get 2 s to end."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in self._under_way:
            if call.retry is not None:
                call.retry.cancel()
        self._under_way.clear()
        tasks = self._tasks
        rounds = int(_STOP_TIMEOUT_S / _CANCEL_AGAIN_S)
        while tasks and rounds:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)
            rounds -= 1
        self._tasks = tasks
        if tasks:
            _log.warning(
                "operator %s: %d coroutines of %s.%s did not end when they were cancelled, and are left alone; a "
                "coroutine must let asyncio.CancelledError through",
                self._info.name,
                len(tasks),
                type(self._function.target).__name__,
                _INVOKE,
            )

    def close(self) -> None:
        self._function.close()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        failed = self._failed
        if failed is not None and (error is failed[0] or error.__cause__ is failed[0]):
            return failed[1]
        if phase is not None and phase != "finish":
            return FailureSite(self._info, phase)
        # What is no Exception went straight through a call.
        found = frame_variables(error, AsyncWaitOperator._attempt.__code__).get("call")
        return FailureSite(self._info, _INVOKE, found.value if isinstance(found, AsyncCall) else NO_RECORD)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out

    # ---------------------------------------------------------------- how results go on

    def _process_marker(self, marker: QueuedMarker) -> Iterator[Output]:
        yield from self._replay()
        self._queue.add_marker(marker)
        yield from self._ready()

    def _ready(self) -> Iterator[Output]:
        """Take from the queue what is ready.

        :raises BaseException: what a call has failed with.
        """
        take = self._queue.take
        values: list[Any] = []
        timestamps: list[int | None] = []
        self._woken = False
        while True:
            if self._failed is not None:
                raise self._failed[0]
            element = take()
            if isinstance(element, AsyncCall):
                values.extend(element.results)
                timestamps.extend([element.timestamp] * len(element.results))
                if len(values) < MAX_BATCH_RECORDS:
                    continue
            if values:
                yield from self._batches(values, timestamps)
                values, timestamps = [], []
            if element is None:
                if not self._queue.has_ready():
                    return
            elif not isinstance(element, AsyncCall):
                yield element

    def _batches(self, values: list[Any], timestamps: list[int | None]) -> Iterator[RecordBatch]:
        stamped = any(timestamp is not None for timestamp in timestamps)
        for start in range(0, len(values), MAX_BATCH_RECORDS):
            end = start + MAX_BATCH_RECORDS
            part = values[start:end]
            self._records_out += len(part)
            yield RecordBatch(part, timestamps[start:end] if stamped else None)

    async def _wait(self) -> None:
        """Return when there is something to take, or to raise."""
        if self._failed is not None or self._queue.has_ready():
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(None)
        elif not self._woken:
            self._woken = True
            self._processing_time.wake()

    def _replay(self) -> Iterator[Output]:
        """Begin with what a snapshot held."""
        while self._restored:
            self._begin_restored()
            yield from self._ready()
            if self._restored and self._queue.size >= self._capacity:
                yield Pause(self._wait)

    def _begin_restored(self) -> None:
        restored = self._restored
        while restored and self._queue.size < self._capacity:
            self._begin(*restored.popleft())

    # ---------------------------------------------------------------- how calls are made

    def _begin(self, value: Any, timestamp: int | None) -> None:
        loop = self.loop
        if loop is None:
            loop = self.loop = asyncio.get_running_loop()
            self.thread_ident = threading.get_ident()
        deadline = 0.0
        if self._timeout_s:
            deadline = loop.time() + self._timeout_s
            if self._timer is None:
                self._timer = loop.call_at(deadline, self._look_at_deadlines)
        call = AsyncCall(value, timestamp, deadline)
        self._queue.add_call(call)
        self._under_way[call] = None
        self._attempt(call)

    def _attempt(self, call: AsyncCall) -> None:
        if self._is_coroutine:
            assert self.loop is not None  # set where the call was begun
            call.task = self.loop.create_task(self._run(call, call.attempt))
            self._tasks.add(call.task)
            return
        try:
            started = self._invoke(call.value, CallResultFuture(self, call, _INVOKE))
            if inspect.isawaitable(started):  # a coroutine function in a wrapper that is none
                assert self.loop is not None
                call.task = self.loop.create_task(self._run(call, call.attempt, started))
                self._tasks.add(call.task)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            self.on_error(call, call.attempt, error, _INVOKE)

    async def _run(self, call: AsyncCall, attempt: int, started: Any = None) -> None:
        """Run the user's coroutine. Nothing comes out of it: no failure is to be seen by the loop."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if started is not None:
                await started
            elif self._wants_future:
                await self._invoke(call.value, CallResultFuture(self, call, _INVOKE))
            else:
                self.on_results(call, attempt, await self._invoke(call.value), _INVOKE)
        except BaseException as error:  # noqa: BLE001  # user code may raise anything; SystemExit must not end the loop
            if not task.get_loop().is_closed():  # else the coroutine is only being thrown away
                self.on_error(call, attempt, error, _INVOKE)
        finally:
            self._tasks.discard(task)

    def on_results(self, call: AsyncCall, attempt: int, results: Any, phase: str) -> None:
        """An attempt has come to its end; on the loop's thread."""
        if attempt != call.attempt or not call.pending or call.done or self._stopped:
            return
        try:
            if type(results) is not list:
                results = self._checked_list(results, phase)
            if (
                self._result_predicate is not None
                and not call.timed_out
                and self._result_predicate(results)
                and self._retried(call)
            ):
                return
            convert = self._convert
            call.results = results if convert is None else [convert(result) for result in results]
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            self._fail(call, error, phase)
            return
        call.done = True
        del self._under_way[call]
        if self._queue.completed(call):
            self._wake()

    def on_error(self, call: AsyncCall, attempt: int, error: BaseException, phase: str) -> None:
        """An attempt has failed; on the loop's thread."""
        if attempt != call.attempt or not call.pending or call.done or self._stopped:
            return
        try:
            if (
                self._exception_predicate is not None
                and not call.timed_out
                and not isinstance(error, (SystemExit, KeyboardInterrupt))
                and self._exception_predicate(error)
                and self._retried(call)
            ):
                return
        except Exception as broken:  # noqa: BLE001  # user code may raise anything
            self._fail(call, broken, phase)
            return
        self._fail(call, error, phase)

    def _fail(self, call: AsyncCall, error: BaseException, phase: str) -> None:
        call.done = True
        self._under_way.pop(call, None)
        if self._failed is None:
            self._failed = (error, FailureSite(self._info, phase, call.value))
            self._wake()

    def _retried(self, call: AsyncCall) -> bool:
        """Try again later, if the strategy says so."""
        strategy = self._strategy
        if not strategy.can_retry(call.attempt):
            return False
        delay_s = max(0, strategy.get_backoff_time_millis(call.attempt)) / 1000
        assert self.loop is not None  # set where the call was begun
        call.pending = False
        call.retry = self.loop.call_later(delay_s, self._attempt_again, call)
        return True

    def _attempt_again(self, call: AsyncCall) -> None:
        call.retry = None
        call.attempt += 1
        call.pending = True
        self._attempt(call)

    def _checked_list(self, results: Any, phase: str) -> list[Any]:
        where = f"{phase} of {type(self._function.target).__name__}"
        if results is None:
            raise TypeError(f"The result of AsyncFunction cannot be none: {where} must give a list, which may be empty")
        if isinstance(results, Iterable) and not isinstance(results, (str, bytes, bytearray, Row)):
            return list(results)
        raise TypeError(
            f"The result of AsyncFunction should be of list type: {where} gave a {type(results).__qualname__}; put it "
            "into a list"
        )

    # ---------------------------------------------------------------- time

    def _look_at_deadlines(self) -> None:
        assert self.loop is not None  # set where the first call was begun
        self._timer = None
        now = self.loop.time()
        due: list[AsyncCall] = []
        for call in self._under_way:
            if call.deadline > now:
                break
            if not call.timed_out:
                due.append(call)
        for call in due:
            self._time_out(call)
        for call in self._under_way:
            if not call.timed_out:
                self._timer = self.loop.call_at(call.deadline, self._look_at_deadlines)
                return

    def _time_out(self, call: AsyncCall) -> None:
        call.timed_out = True
        call.pending = True
        if call.retry is not None:
            call.retry.cancel()
            call.retry = None
        on_timeout = self._on_timeout
        waiting_at = _line_of(call.task)
        if call.task is not None and call.task.cancel():
            call.task.add_done_callback(self._tasks.discard)
            call.attempt += 1  # whatever the coroutine says from now on does not count
        attempt = call.attempt
        try:
            if on_timeout is None:
                where = waiting_at and f"; {_INVOKE} was waiting in {waiting_at}"
                raise TimeoutError(f"Async function call has timed out for input: {call.value}{where}")
            if self._timeout_wants_future:
                on_timeout(call.value, CallResultFuture(self, call, _TIMEOUT))
            else:
                self.on_results(call, attempt, on_timeout(call.value), _TIMEOUT)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            self.on_error(call, attempt, error, _TIMEOUT)


def _line_of(task: asyncio.Task[None] | None) -> str:
    """The line of the user's coroutine that a task of this operator is in; empty if that is not known."""
    own: Any = None if task is None else task.get_coro()
    frame = getattr(getattr(own, "cr_await", None), "cr_frame", None)
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


async def _breathe() -> None:
    """Let the coroutines begin that were made."""
    await asyncio.sleep(0)
