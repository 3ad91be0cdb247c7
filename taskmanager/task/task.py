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
from types import CoroutineType
from typing import TypeVar

from millstream.common.config import CheckpointingOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import CANCELLATION, ENGINE, FailureInfo, first_line
from millstream.common.records import EndOfData
from millstream.common.states import ExecutionState
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, SubtaskCheckpointMetrics, TaskSnapshot
from millstream.common.wire.cluster_pb2 import EndOfDataReport, TaskExecutionState, TaskMetrics
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.taskmanager.exchange import InputGate
from millstream.taskmanager.inspection.sampled_task import SampledTask
from millstream.taskmanager.operators.operator import TaskInfo
from millstream.taskmanager.task.alarm import Alarm
from millstream.taskmanager.task.chain import Chain, TaskServices, build_chain
from millstream.taskmanager.task.checkpoint_driver import UNALIGNED, CheckpointDriver
from millstream.taskmanager.task.closing import close_operators
from millstream.taskmanager.task.enumerator_source import EnumeratorSource
from millstream.taskmanager.task.final_checkpoint import FinalCheckpoint
from millstream.taskmanager.task.input_work import InputWork
from millstream.taskmanager.task.interrupt import TaskInterrupted
from millstream.taskmanager.task.legacy_source import LegacySource
from millstream.taskmanager.task.log_origin import begin_to_log_for
from millstream.taskmanager.task.mailbox import CheckpointNotice, CheckpointTrigger, Mailbox
from millstream.taskmanager.task.reader_source import ReaderSource
from millstream.taskmanager.task.restoring import read_channels, restore_states
from millstream.taskmanager.task.source_driver import SourceDriver
from millstream.taskmanager.task.source_work import SourceWork
from millstream.taskmanager.task.split_input import SplitInput
from millstream.taskmanager.task.subtask_checkpoints import SubtaskCheckpoints
from millstream.taskmanager.task.task_accumulators import TaskAccumulators
from millstream.taskmanager.task.task_loop import TaskLoop
from millstream.taskmanager.task.task_metrics import TaskTimes, build_metrics
from millstream.taskmanager.task.task_parts import TaskParts
from millstream.taskmanager.task.task_reports import TaskReports
from millstream.taskmanager.task.task_state import TaskState
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import build_failure, describe_failure

__all__ = ["Task"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_WAIT_FOR_CANCEL_S = 1.0
"""An interrupt follows a command to cancel that blocked user code kept the loop from reading."""


class Task:
    """Runs a deployment.

    :param report: takes each state that the task reaches, and what it says of checkpoints.
    :ivar parts: what it consists of, for who wants to know how it does.
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
        self._accumulators = TaskAccumulators(self._chain.accumulators, self.info)
        self._loop = TaskLoop(self._chain, self._times)
        self._mailbox = Mailbox(self._wake)
        self._checkpoints = SubtaskCheckpoints(self.info, self._chain, services, report)
        self._final = FinalCheckpoint(
            required=services.checkpointing and services.configuration.get(CheckpointingOptions.AFTER_TASKS_FINISH)
        )
        self.parts = TaskParts(self.info, self._chain, self._times, self._mailbox, self._checkpoints)
        self._gate: InputGate | None = None
        self._driver: CheckpointDriver | None = None
        self._asyncio_task: asyncio.Task[None] | None = None
        self._begun = False
        self._closing = False
        self._failed_by_timer: BaseException | None = None

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
        if self._state.terminal or self._state.cancelling:
            return  # its end says enough
        if self._closing:
            self._answer_late(checkpoint_id)
        else:
            self._mailbox.put(CheckpointTrigger(checkpoint_id, options))
            if options.alignment == UNALIGNED or options.aligned_timeout_ms:
                self._loop.hurry(True)

    def notify_checkpoint(self, checkpoint_id: int, completed: bool) -> None:
        """A checkpoint is complete, or was given up."""
        if not completed:
            self._mailbox.forget(checkpoint_id)
        if not self._closing:
            self._mailbox.put(CheckpointNotice(checkpoint_id, completed))

    async def wait(self) -> None:
        """Return when the task has reported its terminal state."""
        if self._asyncio_task is not None:
            await asyncio.wait({self._asyncio_task})

    @property
    def sampled(self) -> SampledTask | None:
        """Where its code may be, for who samples stacks; ``None``: it does not run yet, or any more."""
        coroutine = None if self._asyncio_task is None else self._asyncio_task.get_coro()
        return (
            SampledTask(self.attempt_id, coroutine, self._own_thread) if isinstance(coroutine, CoroutineType) else None
        )

    def _own_thread(self) -> int | None:
        source = self._chain.source
        return source.thread_ident if isinstance(source, LegacySource) else None

    @property
    def state(self) -> ExecutionState:
        return self._state.current

    def metrics(self) -> TaskMetrics:
        """The running totals."""
        chain = self._chain
        metrics = build_metrics(
            self._times,
            self._gate,
            (edge.writer for edge in chain.edges),
            chain.records_out(),
            chain.late_records_dropped(),
            self._checkpoints.last_arrival,
        )
        if self._accumulators:
            metrics.accumulators.extend(self._accumulators.values(final=self._state.terminal))
        return metrics

    async def operator_request(self, operator_id: str, payload: bytes) -> bytes:
        """Pass a client's request, or one of a reader to its enumerator, to an operator.

        :raises MillstreamError: there is no such operator, or it cannot answer.
        """
        source = self._chain.source
        if isinstance(source, EnumeratorSource) and source.info.operator_id == operator_id:
            source.request(payload)
            return b""
        sink = self._chain.find_collect_sink(operator_id)
        if sink is None:
            raise MillstreamError(f"task {self.info.task_name!r} has no operator {operator_id} that answers requests")
        return await sink.handle_request(payload)

    # ---------------------------------------------------------------- the life of the task

    async def _run(self) -> None:
        self._begun = True
        begin_to_log_for(self.info, self._services.job_name)
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
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0)  # the report leaves, the slot's other tasks come up
        chain, parts = self._chain, self.parts
        build_chain(
            self._deployment,
            self.info,
            self._services,
            self._times,
            self._fail_from_timer,
            self._on_alarm,
            self._report.request_split,
            chain,
        )
        if chain.source is None or self._deployment.inputs:
            self._gate = parts.gate = self._services.exchange.create_input_gate(self._deployment)
        parts.built = True
        restore = self._deployment.restore
        await restore_states(chain, self._deployment, self._services)
        self._open_operators(with_source=not restore.finished)
        self._times.resume()
        driver = self._driver = self._create_driver()
        inputs: InputWork | None = None
        if self._gate is not None and chain.source is None:
            inputs = parts.inputs = InputWork(self._gate, chain, self._loop, self._times, driver, self._end_data)
            if restore.channels:
                # No checkpoint begins before all tasks run, so none meets what is left of an earlier one.
                await inputs.replay(await read_channels(self._deployment, self._services))
        parts.initialization_ms = round((asyncio.get_running_loop().time() - began) * 1000)
        self._report_state(self._state.run())
        if restore.finished:
            self._loop.silence_alarms()  # what they were set for has been done
        await self._work(driver, inputs, read=not restore.finished)
        await self._finish()

    def _open_operators(self, *, with_source: bool) -> None:
        chain = self._chain
        source = chain.source if with_source else None
        for node in reversed(chain.nodes):
            node.initialize_state()
        if source is not None:
            self._call_source(source, "initialize_state", source.initialize_state)
        for node in reversed(chain.nodes):
            node.open()
        if source is not None:
            source.opened = True
            self._call_source(source, "open", source.open)

    def _create_driver(self) -> CheckpointDriver:
        services, gate = self._services, self._gate
        driver = CheckpointDriver(
            self._chain,
            self._loop,
            self._mailbox,
            self._checkpoints,
            self._final,
            gate,
            services.clock,
            services.section,
        )
        if gate is not None:
            gate.listen(driver)
        return driver

    async def _work(self, driver: CheckpointDriver, inputs: InputWork | None, *, read: bool) -> None:
        """Process the input, and wait for the checkpoint that makes it final."""
        services, chain = self._services, self._chain
        source, gate = chain.source, self._gate
        if source is not None:
            if read and isinstance(source, LegacySource):
                source.start()
            if read and chain.latency_marks is not None:
                chain.latency_marks.start()
            splits = None
            if gate is not None and isinstance(source, ReaderSource):
                splits = SplitInput(gate, source, driver, self._times, services.section)
            work = SourceWork(
                source,
                chain.head,
                self._loop,
                self._times,
                driver,
                self._mailbox,
                services.section,
                self._end_data,
                splits,
            )
            await work.run(read=read)
        elif inputs is not None:
            await inputs.run()

    async def _end_data(self, drained: bool) -> None:
        """There is no more input.

        :param drained: all of it was processed; else a savepoint has stopped the job.
        """
        chain = self._chain
        self._loop.silence_alarms()
        if drained:
            await self._loop.drain(chain.head.finish())
        for edge in chain.edges:
            edge.broadcast(EndOfData(drain=drained))
        self._final.on_ended(drained=drained)
        if self._final.is_missing:
            self._report.end_of_data(EndOfDataReport(attempt_id=self.attempt_id))
        if chain.source is not None:
            await chain.source.stop()

    async def _finish(self) -> None:
        """Everything was processed, and is final."""
        chain = self._chain
        self._closing = True
        for letter in self._mailbox.letters:
            if isinstance(letter, CheckpointTrigger):
                self._answer_late(letter.checkpoint_id)
        await self._stop_operators()
        # What close() may still fail on is known before anybody downstream takes this task for finished.
        close_operators(chain, self._services.section, self._name())
        for edge in chain.edges:
            edge.finish()
        paused = self._times.pause_backpressured()
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

    def _answer_late(self, checkpoint_id: int) -> None:
        """The task has ended but for what others must still take: a checkpoint has nothing to ask of it."""
        if self._final.is_final:
            self._checkpoints.acknowledge(checkpoint_id, TaskSnapshot(finished=True), SubtaskCheckpointMetrics())
        else:
            self._checkpoints.decline(checkpoint_id, f"task {self._name()} has ended")

    async def _stop_operators(self) -> None:
        for node in self._chain.nodes:
            await node.stop()

    async def _let_go(self, failure: FailureInfo | None) -> None:
        """Free everything, whatever state it is in. Errors on the way are logged: the end is decided already."""
        chain = self._chain
        self._closing = True
        if self._state.current is not ExecutionState.FINISHED:
            reason = f"{self._name()} {'was cancelled' if failure is None else 'failed: ' + failure.message}"
            for edge in chain.edges:
                self._quietly("its output", lambda edge=edge: edge.fail(reason))  # type: ignore[misc]  # a default binds the loop's variable
            if chain.source is not None:
                await chain.source.stop()
            self._loop.silence_alarms()
            await self._stop_operators()
            section = self._services.section
            section.cancelling = True  # a close() that blocks may be interrupted at once
            try:
                self._quietly("an operator", lambda: close_operators(chain, section, self._name()))
            finally:
                section.cancelling = False
        for edge in chain.edges:
            self._quietly("its output", edge.close)
        if self._driver is not None:
            self._driver.close()
        if self._gate is not None:
            self._quietly("its input", self._gate.close)
        await self._checkpoints.close()
        for info, states in chain.states:
            self._quietly(f"the state of {info.name!r}", states.close)

    def _quietly(self, what: str, close: Callable[[], None]) -> None:
        try:
            close()
        except (Exception, TaskInterrupted) as error:  # noqa: BLE001  # logged: the task ends anyway
            self._services.section.reset()
            _log.warning("task %s: closing %s failed: %s", self._name(), what, error, exc_info=error)

    # ---------------------------------------------------------------- what wakes it

    def _on_alarm(self, alarm: Alarm) -> None:
        if self._loop.ring(alarm):
            self._wake()

    def _wake(self) -> None:
        if self._gate is not None:
            self._gate.wake()
        elif self._chain.source is not None:
            self._chain.source.wake()

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
        self._times.end()
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
