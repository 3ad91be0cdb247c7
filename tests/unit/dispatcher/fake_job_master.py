"""A JobMaster that does what a test says, and graphs for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from millstream.common.clock import Clock
from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.graph_pb2 import JobGraph, JobVertex, OperatorNode
from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.jobmanager.checkpoint.events import SavepointMode

__all__ = ["FakeJobMaster", "graph", "hex_id"]


def hex_id(number: int) -> str:
    return f"{number:032x}"


def graph(number: int = 1) -> JobGraph:
    vertex = JobVertex(
        id=hex_id(1),
        name="Source",
        parallelism=2,
        max_parallelism=128,
        operators=[OperatorNode(operator_id=hex_id(1), name="Source", spec=b"never opened")],
    )
    return JobGraph(job_id=hex_id(number), name=f"job {number}", vertices=[vertex])


class FakeJobMaster:
    def __init__(self, job_graph: JobGraph, clock: Clock, on_terminal: Callable[[pb.JobDetails], None]) -> None:
        self._clock = clock
        self._on_terminal = on_terminal
        self.report = pb.JobDetails(
            summary=pb.JobSummary(
                job_id=job_graph.job_id, name=job_graph.name, state="RUNNING", start_time_ms=clock.now_ms()
            )
        )
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.started = False
        self.tell_trouble: Callable[[Exception], None] = lambda _: None
        self.start_error: Exception | None = None
        self.cancels = 0
        self.ends_when_cancelled = True
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.closed = False
        self.refresh: Callable[[], None] = lambda: None
        self.refreshes = 0
        self.may_refresh = asyncio.Event()
        self.may_refresh.set()
        self.operations: list[str] = []
        self.may_operate = asyncio.Event()
        self.may_operate.set()
        self.operation_error: MillstreamError | None = None
        self.result_is_kept = False
        self.has_left_files = False

    async def start(self, on_trouble: Callable[[Exception], None]) -> None:
        self.tell_trouble = on_trouble
        await self.may_start.wait()
        if self.start_error is not None:
            raise self.start_error
        self.started = True

    def cancel(self) -> None:
        assert self.started
        self.cancels += 1
        if self.ends_when_cancelled:
            self.end("CANCELED")

    def end(self, state: str) -> None:
        self.report.summary.state = state
        self.report.summary.end_time_ms = self._clock.now_ms()
        self._on_terminal(self.details())

    def details(self) -> pb.JobDetails:
        copy = pb.JobDetails()
        copy.CopyFrom(self.report)
        return copy

    def summary(self) -> pb.JobSummary:
        return self.details().summary

    def metrics(self) -> list[MetricValue]:
        return [MetricValue(name="numRestarts", whole_number=self.report.restarts)]

    def result_kept(self) -> None:
        assert not self.closed
        self.result_is_kept = True

    async def operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        return f"{operator_id}/{subtask_index}/".encode() + payload

    async def refresh_metrics(self) -> None:
        self.refreshes += 1
        await self.may_refresh.wait()
        self.refresh()

    def checkpoints(self) -> JobCheckpoints:
        return JobCheckpoints(completed=len(self.operations))

    async def checkpoint(self, *, full: bool) -> pb.OperationStatus:
        return await self._operate(f"checkpoint full={full}")

    async def savepoint(self, directory: str, mode: SavepointMode, format_name: str) -> pb.OperationStatus:
        return await self._operate(f"savepoint {directory} {mode.name} {format_name}")

    async def rescale(self, parallelism: int) -> pb.OperationStatus:
        return await self._operate(f"rescale {parallelism}")

    async def update_requirements(self, bounds: Mapping[str, pb.VertexParallelism]) -> None:
        await self._operate(f"require {[(each.lower_bound, each.upper_bound) for each in bounds.values()]}")

    async def _operate(self, operation: str) -> pb.OperationStatus:
        self.operations.append(operation)
        await self.may_operate.wait()
        if self.operation_error is not None:
            raise self.operation_error
        return pb.OperationStatus(completed=True, location=f"file:/{operation.partition(' ')[0]}", checkpoint_id=3)

    async def close(self) -> None:
        await self.may_close.wait()
        self.closed = True
