"""Runs the operators of a fragment in one thread, with a clock that stands still until it is moved.

It does for a few operators what a task does for a chain: outputs of one are handed to those after it as they come,
watermarks of several inputs are combined, alarms are answered between two pieces of work. There is no network, so one
input is worked off completely before the next is taken, and nothing depends on chance.

Only operators that wait for coroutines need an event loop; the pipeline has one of its own then, which stands still
between two calls.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import cloudpickle

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.failure import first_line
from millstream.common.graph.operator_spec import AsyncSpec
from millstream.common.key_groups import KeyGroupRange
from millstream.common.records import MAX_WATERMARK, LatencyMarker, RecordBatch, Watermark, WatermarkStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
    Pause,
    SideOutput,
    TaskInfo,
)
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.snapshot import SnapshotOptions
from millstream.taskmanager.task.user_failure import UserCodeError, build_failure
from millstream.taskmanager.task.watermark_valve import WatermarkValve
from millstream.testing.harness_fragment import HarnessFragment
from millstream.testing.harness_output import HarnessOutput
from millstream.testing.harness_snapshot import check_operators, share_of

__all__ = ["HarnessPipeline", "HarnessSettings"]

T = TypeVar("T")

_END: Any = object()

_NO_LIMIT = 1 << 62

# How often coroutines that are ready get their turn after each call.
_TURNS = 16


@dataclass(frozen=True, slots=True)
class HarnessSettings:
    """Where operators are told that they run.

    :ivar pickled: send functions through the pickler, as a job does.
    :ivar configuration: settings of the job, such as its state backend.
    :ivar checkpointing: the job takes checkpoints.
    """

    parallelism: int = 1
    subtask_index: int = 0
    max_parallelism: int = 128
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    pickled: bool = False
    configuration: Mapping[str, str] = field(default_factory=dict)
    checkpointing: bool = False


class _UserError(Exception):
    """Carries what a user's function raised out of coroutines and generators, where StopIteration has a meaning."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True, eq=False)
class _Target:
    node: _Node
    channel: int
    input_index: int


@dataclass(slots=True, eq=False)
class _Node:
    """An operator, or (without one) the place where the output is kept."""

    operator: Operator | None
    valve: WatermarkValve
    time: ManualProcessingTime
    states: OperatorStates
    name: str = ""
    targets: list[_Target] = field(default_factory=list)
    side_targets: dict[str, list[_Target]] = field(default_factory=dict)
    opened: bool = False


class HarnessPipeline:
    """The operators of a fragment.

    :ivar output: what came out so far.
    :ivar operators: first to last.
    """

    def __init__(
        self, fragment: HarnessFragment, settings: HarnessSettings, now_ms: int, snapshot: bytes | None = None
    ) -> None:
        """:param snapshot: what :meth:`snapshot` gave, or several subtasks' in one.

        :raises ValueError: it is of other operators.
        """
        restored = None if snapshot is None else CheckpointMetadata.FromString(snapshot)
        self.output = HarnessOutput()
        self._clock = ManualClock(now_ms)
        self._task = TaskInfo(
            task_name="harness",
            subtask_index=settings.subtask_index,
            parallelism=settings.parallelism,
            max_parallelism=settings.max_parallelism,
        )
        self._nodes: list[_Node] = []
        self._inputs: list[list[_Target]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._needs_loop = False
        self._checkpoint_id = 0 if restored is None else restored.checkpoint_id
        self._build(fragment, settings, now_ms, None if restored is None else restored.checkpoint_id)
        self.operators = [node.operator for node in self._nodes if node.operator is not None]
        if restored is not None:
            self._restore(restored)

    @property
    def states(self) -> list[OperatorStates]:
        """What each of :attr:`operators` keeps its state in."""
        return [node.states for node in self._nodes if node.operator is not None]

    def _build(
        self, fragment: HarnessFragment, settings: HarnessSettings, now_ms: int, restored_id: int | None
    ) -> None:
        nodes: dict[int, _Node] = {}
        self._inputs = [[] for _ in fragment.inputs]
        for stream_node in fragment.graph.nodes.values():
            if stream_node.id in fragment.inputs:
                continue
            time = ManualProcessingTime(now_ms)
            states = self._states_of(stream_node.operator.name, settings, time, restored_id)
            operator = None
            if stream_node.id != fragment.output:
                spec = stream_node.operator.spec
                if settings.pickled:
                    spec = cloudpickle.loads(cloudpickle.dumps(spec))
                self._needs_loop = self._needs_loop or isinstance(spec, AsyncSpec)
                context = OperatorContext(
                    info=OperatorInfo(stream_node.operator.name, f"{stream_node.id:032x}", stream_node.operator.kind),
                    task=self._task,
                    job_parameters=settings.job_parameters,
                    clock=self._clock,
                    processing_time=time,
                    auto_watermark_interval_ms=fragment.auto_watermark_interval_ms,
                    state=states,
                    checkpointing=settings.checkpointing,
                )
                operator = create_operator(spec, context)
            node = _Node(operator, WatermarkValve(len(stream_node.in_edges)), time, states, stream_node.operator.name)
            nodes[stream_node.id] = node
            self._nodes.append(node)
            for channel, edge in enumerate(stream_node.in_edges):
                target = _Target(node, channel, edge.input_index)
                if edge.source.id in fragment.inputs:
                    self._inputs[fragment.inputs.index(edge.source.id)].append(target)
                elif edge.output_tag:
                    nodes[edge.source.id].side_targets.setdefault(edge.output_tag, []).append(target)
                else:
                    nodes[edge.source.id].targets.append(target)

    def _states_of(
        self, name: str, settings: HarnessSettings, time: ManualProcessingTime, restored_id: int | None
    ) -> OperatorStates:
        key_groups = KeyGroupRange.of_subtask(settings.max_parallelism, settings.parallelism, settings.subtask_index)
        backend_settings = KeyedBackendSettings(
            now_ms=time.now_ms,
            key_groups=key_groups,
            max_parallelism=settings.max_parallelism,
            operator_id=f"{len(self._nodes):032x}",
            operator_name=name,
            subtask_index=settings.subtask_index,
            configuration=Configuration.from_map(settings.configuration),
        )
        return OperatorStates(backend_settings, restored_id, "harness")

    # -- life ---------------------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> int:
        return len(self._inputs)

    def open(self) -> None:
        """Open the operators, last to first."""
        if self._needs_loop:
            if _in_coroutine():
                raise RuntimeError(
                    "async operators run on an event loop of the harness's own, so it cannot be used inside "
                    "a coroutine; make the test a plain function"
                )
            self._loop = asyncio.new_event_loop()
        self._run(self._open())

    async def _open(self) -> None:
        for node in reversed(self._nodes):
            if node.operator is not None:
                self._call(node, node.operator.initialize_state, "initialize_state")
        for node in reversed(self._nodes):
            if node.operator is not None:
                node.opened = True
                self._call(node, node.operator.open, "open")
        await self._settle()

    def close(self) -> None:
        """Stop what runs in the background and close the operators that were opened; the first error is raised."""
        first: BaseException | None = None
        try:
            for step in (self._stop, self._close):
                try:
                    self._run(step())
                except Exception as error:  # noqa: BLE001  # raised below, after the rest has been closed
                    first = first or error
        finally:
            if self._loop is not None:
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
                self._loop.close()
                self._loop = None
            for states in self.states:
                states.close()
        if first is not None:
            raise first

    async def _stop(self) -> None:
        for node in self._nodes:
            if node.opened and node.operator is not None:
                await node.operator.stop()

    async def _close(self) -> None:
        failure: _UserError | None = None
        for node in self._nodes:
            if node.opened and node.operator is not None:
                node.opened = False
                try:
                    self._call(node, node.operator.close, "close")
                except _UserError as error:
                    failure = failure or error
        if failure is not None:
            raise failure

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """What a checkpoint of these operators consists of."""
        metadata = CheckpointMetadata()
        self._run(self._snapshot(metadata))
        return metadata.SerializeToString()

    async def _snapshot(self, metadata: CheckpointMetadata) -> None:
        self._checkpoint_id += 1
        checkpoint = CheckpointInfo(self._checkpoint_id, self.now_ms)
        metadata.checkpoint_id = checkpoint.checkpoint_id
        nodes = [node for node in self._nodes if node.operator is not None]
        for node in nodes:
            assert node.operator is not None
            self._call(node, partial(node.operator.prepare_snapshot, checkpoint), "snapshot_state")
        options = SnapshotOptions(checkpoint.checkpoint_id)
        running = [node.states.start_snapshot(options) for node in nodes]
        for node, each in zip(nodes, running, strict=True):
            operator = metadata.operators.add(
                operator_id=node.states.settings.operator_id,
                name=node.name,
                parallelism=self._task.parallelism,
                max_parallelism=self._task.max_parallelism,
            )
            operator.subtasks[self._task.subtask_index].CopyFrom(each.write(MemorySnapshotStreams(_NO_LIMIT)))

    def _restore(self, snapshot: CheckpointMetadata) -> None:
        nodes = [node for node in self._nodes if node.operator is not None]
        check_operators(snapshot, [node.name for node in nodes])
        for node, operator in zip(nodes, snapshot.operators, strict=True):
            share = share_of(operator, self._task.parallelism, self._task.subtask_index)
            node.states.restore(share, SnapshotReader())

    def notify_checkpoint(self, checkpoint_id: int, *, complete: bool) -> None:
        """Tell the operators what has become of a checkpoint."""
        self._run(self._then_settle(self._notify(checkpoint_id, complete)))

    async def _notify(self, checkpoint_id: int, complete: bool) -> None:
        for node in self._nodes:
            operator = node.operator
            if operator is None:
                continue
            if complete:
                node.states.notify_checkpoint_complete(checkpoint_id)
                notify = partial(operator.notify_checkpoint_complete, checkpoint_id)
                await self._outputs(node, notify, "notify_checkpoint_complete")
            else:
                node.states.notify_checkpoint_aborted(checkpoint_id)
                notify_aborted = partial(operator.notify_checkpoint_aborted, checkpoint_id)
                self._call(node, notify_aborted, "notify_checkpoint_aborted")

    @property
    def checkpoint_id(self) -> int:
        """The last checkpoint that was taken, or restored."""
        return self._checkpoint_id

    # -- input --------------------------------------------------------------------------------------------------------

    def process_batch(self, index: int, batch: RecordBatch) -> None:
        self._run(self._then_settle(self._emit(self._inputs[index], batch)))

    def process_marker(self, index: int, marker: Watermark | WatermarkStatus) -> None:
        self._run(self._then_settle(self._marker(self._inputs[index], marker)))

    def end_input(self) -> None:
        """All inputs have ended: the last watermark, then what operators still hold."""
        self._run(self._end_input())

    async def _end_input(self) -> None:
        for targets in self._inputs:
            await self._marker(targets, MAX_WATERMARK)
        await self._settle()
        for node in self._nodes:
            operator = node.operator
            if operator is not None:
                await self._outputs(node, operator.finish, "finish")

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms()

    def set_processing_time(self, time_ms: int) -> None:
        """Move the clock forward, stopping at each alarm on the way."""
        if time_ms < self.now_ms:
            raise ValueError(f"a clock does not run backward: from {self.now_ms} to {time_ms} ms")
        self._run(self._advance(time_ms))

    async def _advance(self, time_ms: int) -> None:
        while (due := self._next_alarm()) is not None and due <= time_ms:
            self._move_clocks(max(due, self.now_ms))
            await self._settle()
        self._move_clocks(time_ms)
        await self._settle()

    def _next_alarm(self) -> int | None:
        return min((node.time.alarm for node in self._nodes if node.time.alarm is not None), default=None)

    def _move_clocks(self, now_ms: int) -> None:
        self._clock.advance(now_ms - self.now_ms)
        for node in self._nodes:
            node.time.set_now(now_ms)

    def run_coroutines(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Let users' coroutines run until ``until()``, which is returned."""

        async def run() -> None:
            deadline = asyncio.get_running_loop().time() + timeout_s
            await self._settle()
            while not until() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.001)
                await self._settle()

        if self._loop is not None:
            self._run(run())
        return until()

    async def _then_settle(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        await self._settle()

    async def _settle(self) -> None:
        """Answer the alarms that are due, and let coroutines that are ready go on."""
        turns = 0
        while True:
            node = next((each for each in self._nodes if self._is_due(each)), None)
            if node is not None and node.operator is not None:
                node.time.woken = False
                if node.time.alarm is not None and node.time.alarm <= self.now_ms:
                    node.time.alarm = None
                await self._outputs(node, partial(node.operator.on_wake, self.now_ms))
            elif not self._needs_loop or turns >= _TURNS:
                return
            else:
                turns += 1
                await asyncio.sleep(0)

    def _is_due(self, node: _Node) -> bool:
        return node.time.woken or (node.time.alarm is not None and node.time.alarm <= self.now_ms)

    # -- work ---------------------------------------------------------------------------------------------------------

    async def _emit(self, targets: list[_Target], batch: RecordBatch) -> None:
        for target in targets:
            own = batch
            if len(targets) > 1:
                own = RecordBatch(batch.values[:], batch.timestamps and batch.timestamps[:])
            operator = target.node.operator
            if operator is None:
                self.output.add_batch(own)
                continue
            process = operator.process_second_batch if target.input_index else operator.process_batch
            await self._outputs(target.node, partial(process, own))

    async def _marker(self, targets: list[_Target], marker: Watermark | WatermarkStatus) -> None:
        for target in targets:
            node = target.node
            if isinstance(marker, Watermark):
                combined = node.valve.on_watermark(target.channel, marker)
            else:
                combined = node.valve.on_status(target.channel, marker)
            for each in combined:
                await self._deliver(node, each)

    async def _deliver(self, node: _Node, marker: Watermark | WatermarkStatus) -> None:
        operator = node.operator
        if operator is None:
            self.output.add_marker(marker)
        elif isinstance(marker, Watermark):
            await self._outputs(node, partial(operator.process_watermark, marker))
        else:
            await self._outputs(node, partial(operator.process_status, marker))

    async def _outputs(self, node: _Node, call: Callable[[], Iterable[Output]], phase: str | None = None) -> None:
        """Take the outputs of one call to the operator; making the next one runs user code."""
        outputs = iter(self._call(node, call, phase))
        while (output := self._call(node, lambda: next(outputs, _END), phase)) is not _END:
            if isinstance(output, RecordBatch):
                if output.values:
                    await self._emit(node.targets, output)
            elif isinstance(output, SideOutput):
                self.output.add_side_output(output.tag, output.batch)
                await self._emit(node.side_targets.get(output.tag, []), output.batch)
            elif isinstance(output, Pause):
                await self._wait(output)
            elif isinstance(output, LatencyMarker):
                pass  # nothing here sends any: there is no way to measure
            else:
                await self._marker(node.targets, output)
                for targets in node.side_targets.values():
                    await self._marker(targets, output)

    async def _wait(self, pause: Pause) -> None:
        if self._needs_loop:
            await pause.wait()
        else:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(_awaiting(pause))

    def _call(self, node: _Node, call: Callable[[], T], phase: str | None) -> T:
        try:
            return call()
        except Exception as error:  # a user's; it goes on, with a note, from where the loop is left
            assert node.operator is not None
            site = node.operator.locate(error, phase)
            failure = build_failure(UserCodeError(site, error), self._task, self.now_ms)
            _add_note(error, f"in a job: {first_line(failure)}")
            raise _UserError(error) from error

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out ``work``; what a user's function raises comes out as it is."""
        try:
            if self._needs_loop and self._loop is not None:
                self._loop.run_until_complete(work)
                return
            try:
                work.send(None)
            except StopIteration:
                return
            work.close()
            raise RuntimeError("an operator waits for a coroutine, and no event loop was set up for it")
        except _UserError as carried:
            error = carried.error
        raise error


def _in_coroutine() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _awaiting(pause: Pause) -> None:
    await pause.wait()


def _add_note(error: BaseException, note: str) -> None:
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        # Python 3.10 does not show it, but keeps it for whoever looks.
        vars(error)["__notes__"] = [*getattr(error, "__notes__", ()), note]
