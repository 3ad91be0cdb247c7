"""One attempt of one subtask: from its deployment to its end.

A task is a coroutine on the slot's event loop. It takes batches from its source or its input gate, drives them
through its chain, and gives the loop away after each quantum of work, whenever there is no room downstream, and
whenever there is nothing to do. However it ends, it lets go of everything it holds and reports exactly one terminal
state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter_ns
from typing import TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.failure import CANCELLATION, ENGINE, FailureInfo, engine_failure, first_line
from millstream.common.records import (
    MAX_WATERMARK,
    EndOfData,
    EndOfPartition,
    Marker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.common.states import ExecutionState
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.common.wire.cluster_pb2 import CheckpointDecline, TaskExecutionState, TaskMetrics
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.taskmanager.exchange import ExchangeError, InputGate
from millstream.taskmanager.operators.batch_sizer import QUANTUM_NS
from millstream.taskmanager.operators.operator import FailureSite, TaskInfo
from millstream.taskmanager.task.alarm import Alarm
from millstream.taskmanager.task.chain import Chain, TaskServices, build_chain
from millstream.taskmanager.task.chain_node import ChainNode, Steps
from millstream.taskmanager.task.interrupt import TaskInterrupted
from millstream.taskmanager.task.legacy_source import LegacySource
from millstream.taskmanager.task.source_driver import EndOfInput, SourceDriver
from millstream.taskmanager.task.task_metrics import TaskTimes, build_metrics
from millstream.taskmanager.task.task_reports import TaskReports
from millstream.taskmanager.task.task_state import TaskState
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError, build_failure, describe_failure
from millstream.taskmanager.task.watermark_valve import WatermarkValve

__all__ = ["Task"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_WAIT_FOR_CANCEL_S = 1.0
"""An interrupt follows a command to cancel that blocked user code kept the loop from reading."""


class Task:
    """Runs a deployment.

    :param report: takes each state that the task reaches, and what it says of checkpoints.
    """

    def __init__(self, deployment: TaskDeployment, services: TaskServices, report: TaskReports) -> None:
        vertex = deployment.vertex
        self.attempt_id = deployment.attempt_id
        self.info = TaskInfo(
            task_name=vertex.name,
            vertex_id=vertex.id,
            job_id=deployment.job_id,
            attempt_id=deployment.attempt_id,
            subtask_index=deployment.subtask_index,
            parallelism=max(vertex.parallelism, 1),
            max_parallelism=vertex.max_parallelism,
            attempt_number=deployment.attempt_number,
            task_manager=services.task_manager,
        )
        self._deployment = deployment
        self._services = services
        self._report = report
        self._state = TaskState()
        self._times = TaskTimes()
        self._chain = Chain()
        self._gate: InputGate | None = None
        self._valve = WatermarkValve(0)
        self._asyncio_task: asyncio.Task[None] | None = None
        self._begun = False
        self._failed_by_timer: BaseException | None = None
        self._ringing: dict[Alarm, None] = {}
        self._awake = True  # alarms are answered

    # ---------------------------------------------------------------- what the worker calls

    def start(self) -> None:
        """Begin to run, on the running event loop."""
        self._asyncio_task = asyncio.get_running_loop().create_task(self._run(), name=f"task {self.attempt_id}")

    def cancel(self) -> None:
        """End soon. The terminal state is reported when everything has been let go of."""
        if self._state.cancel() and self._begun and self._asyncio_task is not None:
            self._asyncio_task.cancel()

    def trigger_checkpoint(self, checkpoint_id: int, options: CheckpointOptions) -> None:
        """Begin a checkpoint between two pieces of work; acknowledged or declined by a report."""
        failure = engine_failure(ENGINE, f"task {self._name()} cannot take part in checkpoints")
        self._report.decline(
            CheckpointDecline(attempt_id=self.attempt_id, checkpoint_id=checkpoint_id, failure=failure)
        )

    def notify_checkpoint(self, checkpoint_id: int, completed: bool) -> None:
        """A checkpoint is complete, or was given up."""

    async def wait(self) -> None:
        """Return when the task has reported its terminal state."""
        if self._asyncio_task is not None:
            await asyncio.wait({self._asyncio_task})

    @property
    def state(self) -> ExecutionState:
        return self._state.current

    def metrics(self) -> TaskMetrics:
        """The running totals."""
        chain = self._chain
        return build_metrics(
            self._times,
            self._gate,
            (edge.writer for edge in chain.edges),
            chain.records_out(),
            chain.late_records_dropped(),
        )

    async def operator_request(self, operator_id: str, payload: bytes) -> bytes:
        """Pass a client's request to an operator.

        :raises MillstreamError: there is no such operator, or it cannot answer.
        """
        sink = self._chain.find_collect_sink(operator_id)
        if sink is None:
            raise MillstreamError(f"task {self.info.task_name!r} has no operator {operator_id} that answers requests")
        return await sink.handle_request(payload)

    # ---------------------------------------------------------------- the life of the task

    async def _run(self) -> None:
        self._begun = True
        error: BaseException | None = None
        try:
            if not self._state.cancelling:
                await self._live()
        except asyncio.CancelledError as cancelled:
            error = self._failed_by_timer or cancelled
        except TaskInterrupted as interrupted:
            error = await self._explain_interrupt(interrupted)
        except Exception as failure:  # noqa: BLE001  # reported below
            error = failure
        if isinstance(error, asyncio.CancelledError):
            self._state.cancel()
            error = None
        failure_info = None
        if error is not None and not self._state.cancelling:
            failure_info = self._describe(error)
            self._log_failure(failure_info)
        # How it ends is decided here; what comes while it lets go of things changes nothing.
        state = self._state.fail() if failure_info is not None else self._state.finish()
        try:
            await self._let_go(failure_info)
        except asyncio.CancelledError:
            _log.warning("task %s was told to end while it was letting go of things", self._name())
        self._report_end(state, failure_info)

    async def _live(self) -> None:
        self._report_state(self._state.initialize())
        await asyncio.sleep(0)  # the report leaves, the slot's other tasks come up
        chain = self._chain
        build_chain(
            self._deployment, self.info, self._services, self._times, self._fail_from_timer, self._on_alarm, chain
        )
        if chain.source is None:
            self._gate = self._services.exchange.create_input_gate(self._deployment)
            self._valve = WatermarkValve(len(self._gate.channels))
        for node in reversed(chain.nodes):
            node.open()
        if chain.source is not None:
            chain.source.opened = True
            self._call_source(chain.source, "open", chain.source.open)
        self._report_state(self._state.run())
        self._times.resume()
        if chain.source is not None:
            if isinstance(chain.source, LegacySource):
                chain.source.start()
            await self._run_source(chain.source)
        elif self._gate is not None:
            await self._run_inputs(self._gate)
        await self._finish()

    async def _finish(self) -> None:
        """The input has ended well."""
        chain = self._chain
        self._silence_alarms()
        await self._drain(chain.head.finish())
        await self._stop_operators()
        for edge in chain.edges:
            edge.broadcast(EndOfData())
        if chain.source is not None:
            await chain.source.stop()
        # What close() may still fail on is known before anybody downstream takes this task for finished.
        self._close_operators()
        for edge in chain.edges:
            edge.finish()
        paused = self._times.pause()
        for outlet in chain.outlets:
            await outlet.wait_consumed()
        self._times.resume_backpressured(paused)
        for info, dropped in chain.late_records_dropped():
            _log.warning(
                "task %s: operator %s dropped %d records that came after the watermark had passed them; a larger bound "
                "of the watermark strategy or an allowed lateness keeps them, a side output for late data shows them",
                self._name(),
                info.name,
                dropped,
            )

    async def _stop_operators(self) -> None:
        for node in self._chain.nodes:
            await node.stop()

    def _close_operators(self) -> None:
        """Close all, and raise the first error."""
        source = self._chain.source
        first: BaseException | None = None
        closers: list[Callable[[], None]] = [node.close for node in self._chain.nodes]
        if source is not None:
            closers.insert(0, lambda: self._close_source(source))
        for close in closers:
            try:
                close()
            except (UserCodeError, TaskInterrupted) as error:
                self._services.section.reset()
                if first is None:
                    first = error
                else:
                    _log.warning("task %s: %s", self._name(), error, exc_info=error)
        if first is not None:
            raise first

    def _close_source(self, source: SourceDriver) -> None:
        if source.opened:
            source.opened = False
            self._call_source(source, "close", source.close)

    async def _let_go(self, failure: FailureInfo | None) -> None:
        """Free everything, whatever state it is in. Errors on the way are logged: the end is decided already."""
        chain = self._chain
        if self._state.current is not ExecutionState.FINISHED:
            reason = f"{self._name()} {'was cancelled' if failure is None else 'failed: ' + failure.message}"
            for edge in chain.edges:
                self._quietly("its output", lambda edge=edge: edge.fail(reason))  # type: ignore[misc]  # a default binds the loop's variable
            if chain.source is not None:
                await chain.source.stop()
            self._silence_alarms()
            await self._stop_operators()
            section = self._services.section
            section.cancelling = True  # a close() that blocks may be interrupted at once
            try:
                self._quietly("an operator", self._close_operators)
            finally:
                section.cancelling = False
        for edge in chain.edges:
            self._quietly("its output", edge.close)
        if self._gate is not None:
            self._quietly("its input", self._gate.close)

    def _quietly(self, what: str, close: Callable[[], None]) -> None:
        try:
            close()
        except (Exception, TaskInterrupted) as error:  # noqa: BLE001  # logged: the task ends anyway
            self._services.section.reset()
            _log.warning("task %s: closing %s failed: %s", self._name(), what, error, exc_info=error)

    # ---------------------------------------------------------------- the work

    async def _run_source(self, source: SourceDriver) -> None:
        targets = self._chain.head
        while True:
            item = self._call_source(source, "poll", source.poll)
            if isinstance(item, RecordBatch):
                records = len(item.values)
                if records:
                    began = perf_counter_ns()
                    await self._drain(targets.emit(item))
                    source.processed(records, perf_counter_ns() - began)
            elif item is None:
                self._idle()
                if self._ringing:
                    await self._answer_alarms()
                    continue
                paused = self._times.pause()
                try:
                    await source.wait()
                except (asyncio.CancelledError, TaskInterrupted):
                    raise
                except BaseException as error:
                    raise UserCodeError(source.locate(error, "wait_available"), error) from error
                self._times.resume_idle(paused)
            elif isinstance(item, EndOfInput):
                break
            else:
                await self._drain(targets.marker(item))
            await self._breathe()
        await self._drain(targets.marker(MAX_WATERMARK))

    async def _run_inputs(self, gate: InputGate) -> None:
        head: ChainNode = self._chain.head.nodes[0]
        second = [channel.input_index == 1 for channel in gate.channels]
        times = self._times
        poll = gate.poll
        while True:
            try:
                given = poll()
            except ExchangeError:
                raise
            except Exception as error:
                raise UserCodeError(FailureSite(self._chain.infos[0], "deserialize"), error) from error
            if given is None:
                if gate.is_finished():
                    return
                self._idle()
                if not self._ringing:
                    paused = times.pause()
                    await gate.wait()
                    times.resume_idle(paused)
                if self._ringing:
                    await self._answer_alarms()
                continue
            channel, element = given
            if isinstance(element, RecordBatch):
                times.records_in += len(element.values)
                if second[channel]:
                    await self._drain(head.process(element, second=True))
                else:
                    await self._drain(head.process(element))
            else:
                await self._on_marker(channel, element)
            await self._breathe()

    async def _on_marker(self, channel: int, marker: Marker) -> None:
        combined: tuple[Marker, ...]
        if isinstance(marker, Watermark):
            combined = self._valve.on_watermark(channel, marker)
        elif isinstance(marker, WatermarkStatus):
            combined = self._valve.on_status(channel, marker)
        elif isinstance(marker, EndOfPartition):
            combined = self._valve.on_end(channel)
        elif isinstance(marker, EndOfData):  # the task's own follows when all channels have ended
            combined = ()
        else:
            combined = (marker,)
        for each in combined:
            await self._drain(self._chain.head.marker(each))

    async def _drain(self, steps: Steps) -> None:
        """Carry out work piece by piece, with what :meth:`_breathe` does between the pieces."""
        # Written out: a coroutine for each piece would cost in the hottest loop there is.
        outlets = self._chain.outlets
        times = self._times
        for step in steps:
            if step is not None:
                self._idle()
                paused = times.pause()
                await step.wait()
                times.resume_idle(paused)
            for outlet in outlets:
                if not outlet.has_room:
                    paused = times.pause()
                    await outlet.wait_room()
                    times.resume_backpressured(paused)
            if perf_counter_ns() - times.resumed_at > QUANTUM_NS:
                times.pause()
                await asyncio.sleep(0)
                times.resume()

    async def _breathe(self) -> None:
        times = self._times
        for outlet in self._chain.outlets:
            if not outlet.has_room:
                paused = times.pause()
                await outlet.wait_room()
                times.resume_backpressured(paused)
        if perf_counter_ns() - times.resumed_at > QUANTUM_NS:
            times.pause()
            await asyncio.sleep(0)
            times.resume()
        if self._ringing:
            await self._answer_alarms()

    def _on_alarm(self, alarm: Alarm) -> None:
        """An alarm rings: it is answered between two pieces of work."""
        if not self._awake:
            return
        self._ringing[alarm] = None
        if self._gate is not None:
            self._gate.wake()
        elif self._chain.source is not None:
            self._chain.source.wake()

    async def _answer_alarms(self) -> None:
        ringing, self._ringing = self._ringing, {}
        for alarm in ringing:
            now = alarm.answer()
            node = self._chain.alarms.get(alarm)
            if node is not None:  # else it is the source's, which is polled next
                await self._drain(node.wake(now))

    def _silence_alarms(self) -> None:
        """No operator is woken any more."""
        self._awake = False
        self._ringing.clear()
        for alarm in self._chain.alarms:
            alarm.close()
        if self._chain.source_alarm is not None:
            self._chain.source_alarm.close()

    def _idle(self) -> None:
        for edge in self._chain.edges:
            edge.idle()
        for node in self._chain.nodes:
            node.idle()

    # ---------------------------------------------------------------- failures and reports

    def _call_source(self, source: SourceDriver, phase: str, call: Callable[[], T]) -> T:
        return call_user_code(self._services.section, call, lambda error: source.locate(error, phase))

    def _fail_from_timer(self, error: BaseException) -> None:
        self._services.section.reset()
        if self._failed_by_timer is None and not self._state.terminal and self._asyncio_task is not None:
            self._failed_by_timer = error
            self._asyncio_task.cancel()

    async def _explain_interrupt(self, interrupted: TaskInterrupted) -> BaseException:
        """The TaskManager broke into user code: mostly to cancel the task, which the command then says."""
        self._services.section.reset()
        try:
            if not self._state.cancelling:
                await asyncio.sleep(_WAIT_FOR_CANCEL_S)
        except asyncio.CancelledError as cancelled:
            return cancelled
        return asyncio.CancelledError() if self._state.cancelling else interrupted

    def _describe(self, error: BaseException) -> FailureInfo:
        now = self._services.clock.now_ms()
        if isinstance(error, TaskInterrupted):
            return describe_failure(CANCELLATION, error, self.info, now)
        return build_failure(error, self.info, now)

    def _log_failure(self, failure: FailureInfo) -> None:
        """Whoever waits for the job is told everything; the log gets a line, and a traceback of the engine's own."""
        level = logging.WARNING if failure.kind == ENGINE else logging.INFO  # quiet where the program itself is told
        _log.log(level, "task %s failed: %s", self._name(), first_line(failure))
        _log.log(level if failure.kind == ENGINE else logging.DEBUG, "its traceback:\n%s", failure.full_traceback)

    def _report_state(self, state: ExecutionState | None) -> None:
        if state is not None:
            self._report.state(
                TaskExecutionState(
                    attempt_id=self.attempt_id, state=state.value, timestamp_ms=self._services.clock.now_ms()
                )
            )

    def _report_end(self, state: ExecutionState | None, failure: FailureInfo | None) -> None:
        if state is None:
            return
        self._times.pause()
        message = TaskExecutionState(
            attempt_id=self.attempt_id,
            state=state.value,
            metrics=self.metrics(),
            timestamp_ms=self._services.clock.now_ms(),
        )
        if failure is not None and state is ExecutionState.FAILED:
            message.failure.CopyFrom(failure)
        self._report.state(message)

    def _name(self) -> str:
        info = self.info
        return f"{info.task_name} ({info.subtask_index + 1}/{info.parallelism})"
