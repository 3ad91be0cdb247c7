"""Fakes of the data plane, and a harness that runs one task on them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cloudpickle

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.records import CheckpointBarrier, Element, EndOfPartition, LatencyMarker, Marker, RecordBatch
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, StateBytes, TaskRestore
from millstream.common.wire.cluster_pb2 import (
    CheckpointAcknowledgement,
    CheckpointDecline,
    EndOfDataReport,
    SplitRequest,
    TaskExecutionState,
)
from millstream.common.wire.graph_pb2 import (
    ChainInput,
    InputGateDeployment,
    JobEdge,
    JobVertex,
    OperatorNode,
    ResultPartitionDeployment,
    TaskDeployment,
)
from millstream.taskmanager.exchange import BarrierListener, ChannelInfo, Recorded, UnderWay
from millstream.taskmanager.exchange_usage import InputUsage, OutputUsage, QueueLengths
from millstream.taskmanager.network.channel_recorder import ChannelRecorder
from millstream.taskmanager.network.channel_replay import ChannelReplay, ReplayEdge
from millstream.taskmanager.network.element_codec import encode_elements
from millstream.taskmanager.network.value_serializer import deserialize_values
from millstream.taskmanager.task.chain import TaskServices
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.task.task import Task


class FakeWriter:
    """Keeps what it gets; has room for ``capacity`` batches until :meth:`take` frees some."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self.elements: list[Any] = []
        self.log: list[str] = []
        self.capacity = capacity
        self.untaken = 0
        self.bytes_out = 0
        self.records_out = 0
        self.serialize_ns = 0
        self.failed: str | None = None
        self.closed = False
        self.finished = False
        self.emit_error: BaseException | None = None
        self.consumed = asyncio.Event()
        self.consumed.set()
        self.waited = 0
        self.hurried = False
        self.overtaken: list[UnderWay] = []
        self.sent = asyncio.Event()
        self.sent.set()
        self._room = asyncio.Event()

    def emit(self, batch: RecordBatch) -> None:
        if self.emit_error is not None:
            raise self.emit_error
        self.elements.append(batch)
        self.log.append("emit")
        self.untaken += 1
        self.records_out += len(batch)

    def broadcast(self, marker: Marker) -> None:
        self.elements.append(marker)
        self.log.append(type(marker).__name__)

    def sample(self, marker: LatencyMarker) -> None:
        self.broadcast(marker)

    @property
    def has_room(self) -> bool:
        return self.untaken < self.capacity * (8 if self.hurried else 1)

    async def wait_room(self) -> None:
        self.waited += 1
        while not self.has_room:
            self._room.clear()
            await self._room.wait()

    def overtake(self, barrier: CheckpointBarrier) -> list[UnderWay]:
        self.broadcast(barrier)
        self.log.append("overtake")
        return list(self.overtaken)

    def announce(self, barrier: CheckpointBarrier) -> None:
        self.broadcast(barrier)
        self.log.append("announce")

    def expedite(self, checkpoint_id: int) -> list[UnderWay]:
        self.log.append("expedite")
        return list(self.overtaken)

    async def wait_sent(self, checkpoint_id: int) -> None:
        await self.sent.wait()

    def hurry(self, on: bool) -> None:
        self.hurried = on
        if on:
            self._room.set()

    def take(self) -> None:
        self.untaken = 0
        self._room.set()

    def flush(self) -> None:
        self.log.append("flush")

    def finish(self) -> None:
        self.finished = True
        self.log.append("finish")

    async def wait_consumed(self) -> None:
        await self.consumed.wait()

    def fail(self, reason: str) -> None:
        self.failed = reason

    def close(self) -> None:
        self.closed = True

    def usage(self) -> OutputUsage:
        waiting = QueueLengths.of([self.untaken])
        return OutputUsage(len(self.elements), waiting, 100 * self.untaken, 10, self.untaken / self.capacity)

    @property
    def values(self) -> list[Any]:
        return [value for element in self.elements if isinstance(element, RecordBatch) for value in element.values]

    @property
    def markers(self) -> list[Any]:
        return [element for element in self.elements if not isinstance(element, RecordBatch)]


class FakeGate:
    """Gives what the test puts, in this order, but for what waits in channels that are blocked."""

    def __init__(self, channels: int = 1) -> None:
        self.channels = [ChannelInfo(0, "edge", index, False) for index in range(channels)]
        self.elements: deque[tuple[int, Element] | BaseException] = deque()
        self.ended: set[int] = set()
        self.blocked: set[int] = set()
        self.closed = False
        self.bytes_in = 0
        self.deserialize_ns = 0
        self.listener: BarrierListener | None = None
        self.recorders: dict[int, ChannelRecorder] = {}
        self._available = asyncio.Event()
        self._woken = False

    def put(self, element: Element | BaseException, channel: int = 0) -> None:
        self.elements.append(element if isinstance(element, BaseException) else (channel, element))
        self._available.set()

    def end(self) -> None:
        for channel in range(len(self.channels)):
            self.put(EndOfPartition(), channel)

    def poll(self) -> tuple[int, Element] | None:
        index = self._next()
        if index is None:
            return None
        given = self.elements[index]
        del self.elements[index]
        if isinstance(given, BaseException):
            raise given
        recorder = self.recorders.get(given[0])
        if recorder is not None and recorder.feed(encode_elements((given[1],))):
            assert self.listener is not None
            self.listener.on_recorded(given[0], recorder.checkpoint_id)
        if isinstance(given[1], EndOfPartition):
            self.ended.add(given[0])
        return given

    def _next(self) -> int | None:
        for index, given in enumerate(self.elements):
            if isinstance(given, BaseException) or given[0] not in self.blocked:
                return index
        return None

    async def wait(self) -> None:
        while self._next() is None and not self._woken:
            self._available.clear()
            await self._available.wait()
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self._available.set()

    def is_finished(self) -> bool:
        return len(self.ended) == len(self.channels)

    def block(self, channel: int) -> None:
        self.blocked.add(channel)

    def unblock_all(self) -> None:
        self.blocked.clear()
        self._available.set()

    def listen(self, listener: BarrierListener) -> None:
        self.listener = listener

    def record(self, checkpoint_id: int, channels: Collection[int]) -> list[int]:
        self.recorders = {index: ChannelRecorder(checkpoint_id) for index in channels}
        return []

    def recorded(self) -> dict[int, Recorded]:
        return {index: Recorded(recorder.chunks, recorder.error) for index, recorder in self.recorders.items()}

    def stop_recording(self) -> None:
        self.recorders = {}

    def close(self) -> None:
        self.closed = True

    def usage(self) -> InputUsage:
        return InputUsage(queued=QueueLengths.of([len(self.elements)]))


class FakeStorage:
    """Keeps everything inline; a test may hold up what is written, or make it fail."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.reading = threading.Event()
        self.error: BaseException | None = None
        self.made: list[FakeStreams] = []

    def streams(self, checkpoint_id: int, options: CheckpointOptions) -> FakeStreams:
        self.made.append(FakeStreams(self))
        return self.made[-1]

    def reader(self, checkpoint_id: int) -> FakeReader:
        return FakeReader(self)


class FakeReader(SnapshotReader):
    """Reads when the storage lets it."""

    def __init__(self, storage: FakeStorage) -> None:
        super().__init__()
        self.storage = storage

    def read(self, stored: StateBytes) -> bytes:
        self.storage.reading.set()
        assert self.storage.go_on.wait(10)
        return super().read(stored)


class FakeStreams(MemorySnapshotStreams):
    """One task's streams of one checkpoint."""

    def __init__(self, storage: FakeStorage) -> None:
        super().__init__()
        self.storage = storage
        self.aborted = False
        self.writing = threading.Event()

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        self.writing.set()
        deadline = time.monotonic() + 10
        while not self.storage.go_on.wait(0.01) and not self.aborted:
            assert time.monotonic() < deadline
        if self.storage.error is not None:
            raise self.storage.error
        return super().write(name, chunks, shared=shared)

    def abort(self) -> None:
        self.aborted = True
        super().abort()


class Harness:
    """One task with its surroundings. Made inside a running event loop.

    :param specs: a linear chain.
    :param outputs: how many edges the last operator has.
    """

    def __init__(
        self,
        *specs: Any,
        outputs: int = 0,
        channels: int = 0,
        capacity: int = 1_000_000,
        buffer_timeout_ms: int = 100,
        configuration: dict[str, str] | None = None,
        inline: bool = True,
        consumed: bool = True,
        parents: list[int] | None = None,
        payloads: dict[int, bytes] | None = None,
        restore: TaskRestore | None = None,
        second: Iterable[int] = (),
        edges: Sequence[tuple[int, str]] | None = None,
        consumers: int = 1,
    ) -> None:
        """:param second: the channels of the second input.

        :param consumers: how many subtasks read each edge.
        :param edges: operator and side output that each edge takes; instead of ``outputs``.
        """
        self.states: list[TaskExecutionState] = []
        self.acknowledgements: list[CheckpointAcknowledgement] = []
        self.declines: list[CheckpointDecline] = []
        self.ends_of_data: list[EndOfDataReport] = []
        self.split_requests: list[SplitRequest] = []
        self.writers: list[FakeWriter] = []
        self.gate = FakeGate(channels)
        for channel in second:
            self.gate.channels[channel] = ChannelInfo(1, "edge2", channel, False)
        self.capacity = capacity
        self.consumed = consumed
        operators = []
        for index, spec in enumerate(specs):
            parent = index - 1 if parents is None else parents[index]
            payload = (payloads or {}).get(index) or cloudpickle.dumps(spec)
            operators.append(
                OperatorNode(
                    operator_id=f"{index:032x}",
                    name=f"op{index}",
                    spec=payload,
                    inputs=[ChainInput(parent=parent)] if index else [],
                )
            )
        vertex = JobVertex(id="v", name="chain", parallelism=2, max_parallelism=128, operators=operators)
        if edges is None:
            edges = [(len(specs) - 1, "")] * outputs
        deployment = TaskDeployment(
            job_id="j",
            vertex=vertex,
            subtask_index=1,
            attempt_number=3,
            attempt_id="attempt",
            inputs=[InputGateDeployment()] if channels else [],
            outputs=[
                ResultPartitionDeployment(
                    edge=JobEdge(
                        edge_id="out", source_operator=operator, output_tag=tag, buffer_timeout_ms=buffer_timeout_ms
                    ),
                    consumer_parallelism=consumers,
                )
                for operator, tag in edges
            ],
        )
        if restore is not None:
            deployment.restore.CopyFrom(restore)
        self.section = UserCodeSection.of_this_thread()
        self.clock = ManualClock(1234)
        self.storage = FakeStorage()
        self.executor = ThreadPoolExecutor(2)
        services = TaskServices(
            exchange=self,
            clock=self.clock,
            configuration=Configuration.from_map(configuration or {}),
            section=self.section,
            storage=self.storage,
            executor=self.executor,
            task_manager="tm @ host (pid 1)",
            inline=inline,
        )
        self.task = Task(deployment, services, self)

    def state(self, state: TaskExecutionState) -> None:
        self.states.append(state)

    def acknowledge(self, acknowledgement: CheckpointAcknowledgement) -> None:
        self.acknowledgements.append(acknowledgement)

    def decline(self, decline: CheckpointDecline) -> None:
        self.declines.append(decline)

    def end_of_data(self, report: EndOfDataReport) -> None:
        self.ends_of_data.append(report)

    def request_split(self, request: SplitRequest) -> None:
        self.split_requests.append(request)

    def create_result_writer(self, deployment: Any, attempt_id: str, subtask_index: int) -> FakeWriter:
        assert (attempt_id, subtask_index) == ("attempt", 1)
        self.writers.append(FakeWriter(self.capacity))
        if not self.consumed:
            self.writers[-1].consumed.clear()
        return self.writers[-1]

    def create_input_gate(self, task: Any) -> FakeGate:
        return self.gate

    def create_replay(self, task: Any) -> ChannelReplay:
        edges: dict[str, ReplayEdge] = {}
        for index, info in enumerate(self.gate.channels):
            edge = edges.setdefault(info.edge_id, ReplayEdge({}, deserialize_values, None))
            edge.channels[info.producer_subtask] = index
        return ChannelReplay(edges, task.subtask_index)

    @property
    def state_names(self) -> list[str]:
        return [state.state for state in self.states]

    @property
    def end(self) -> TaskExecutionState:
        return self.states[-1]

    async def run(self) -> TaskExecutionState:
        """Start the task and wait for its end."""
        self.task.start()
        return await self.ended()

    async def ended(self) -> TaskExecutionState:
        await asyncio.wait_for(self.task.wait(), 20)
        self.executor.shutdown()
        return self.end


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for a condition."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.001)
