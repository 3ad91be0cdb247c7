"""Workers that do nothing by themselves: the tests say what happens in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.wire.cluster_pb2 import AttemptMetrics, TaskExecutionState, TaskMetrics
from millstream.common.wire.failure_pb2 import FailureInfo
from millstream.common.wire.worker_pb2 import (
    SlotFailed,
    SlotPrepared,
    WorkerCommand,
    WorkerEvent,
    WorkerInspection,
    WorkerInspectionResult,
    WorkerMetrics,
    WorkerOperatorResponse,
)


class FakeWorker:
    """A worker that prepares itself at once (unless told not to), cancels at once and echoes operator requests."""

    def __init__(self, pool: FakeWorkerPool, pid: int) -> None:
        self._pool = pool
        self.pid = pid
        self.commands: list[WorkerCommand] = []
        self.interrupts = 0
        self.killed = False
        self.stopped_with: float | None = None
        self.ended = False
        self._on_event: Callable[[WorkerEvent], None] | None = None
        self._on_exit: Callable[[str], None] | None = None

    @property
    def description(self) -> str:
        return f"worker process {self.pid}"

    def attach(self, on_event: Callable[[WorkerEvent], None], on_exit: Callable[[str], None]) -> None:
        self._on_event, self._on_exit = on_event, on_exit

    def send(self, command: WorkerCommand) -> None:
        if self.ended:
            return
        copy = WorkerCommand()
        copy.CopyFrom(command)
        self.commands.append(copy)
        kind = copy.WhichOneof("command")
        if kind == "prepare" and self._pool.prepares:
            self.emit(WorkerEvent(prepared=SlotPrepared(data_port=5000 + self.pid, pid=self.pid)))
        elif kind == "cancel" and self._pool.cancels:
            self.state(copy.cancel.attempt_id, "CANCELED")
        elif kind == "operator_request" and self._pool.answers:
            answer = WorkerOperatorResponse(
                request_id=copy.operator_request.request_id,
                payload=copy.operator_request.payload[::-1],
                error="refused" if copy.operator_request.payload == b"bad" else "",
            )
            self.emit(WorkerEvent(operator_response=answer))
        elif kind == "inspection" and self._pool.shows:
            self._show(copy.inspection)

    def _show(self, inspection: WorkerInspection) -> None:
        result = WorkerInspectionResult(request_id=inspection.request_id)
        if inspection.HasField("thread_dump"):
            result.thread_dump.threads.add(name=f"worker process {self.pid} MainThread")
        elif inspection.HasField("profile_threads"):
            result.thread_profile.frames.append(f"worker process {self.pid}")
        elif inspection.HasField("metric_dump"):
            result.metric_dump.groups.add(scope="TASK", variables={"task_name": f"of {self.pid}"})
        self.emit(WorkerEvent(inspection=result))

    def kinds(self) -> list[str | None]:
        return [command.WhichOneof("command") for command in self.commands]

    def attempts_run(self) -> list[str]:
        return [task.attempt_id for command in self.commands for task in command.run.tasks]

    def state(self, attempt_id: str, state: str, failure: FailureInfo | None = None) -> None:
        self.emit(WorkerEvent(task_state=TaskExecutionState(attempt_id=attempt_id, state=state, failure=failure)))

    def metrics(self, attempt_id: str, records_in: int) -> None:
        entry = AttemptMetrics(attempt_id=attempt_id, metrics=TaskMetrics(records_in=records_in))
        self.emit(WorkerEvent(metrics=WorkerMetrics(tasks=[entry])))

    def fail(self, failure: FailureInfo) -> None:
        self.emit(WorkerEvent(failed=SlotFailed(failure=failure)))

    def emit(self, event: WorkerEvent) -> None:
        asyncio.get_running_loop().call_soon(self._emit, event)

    def _emit(self, event: WorkerEvent) -> None:
        if self._on_event is not None and not self.ended:
            self._on_event(event)

    def die(self, how: str) -> None:
        if not self.ended:
            self.ended = True
            if self._on_exit is not None:
                self._on_exit(how)

    async def stop(self, grace_seconds: float) -> None:
        self.stopped_with = grace_seconds
        if not self._pool.stops:
            await asyncio.Event().wait()
        self.die("exit status 0")

    def interrupt(self) -> None:
        self.interrupts += 1

    def kill(self) -> None:
        self.killed = True
        self.die("killed by signal 9 (SIGKILL)")


class FakeWorkerPool:
    """Numbers its workers from 1."""

    def __init__(self) -> None:
        self.workers: list[FakeWorker] = []
        self.prepares = True
        self.cancels = True
        self.answers = True
        self.shows = True
        self.stops = True
        self.start_error: OSError | None = None
        self.take_error: OSError | None = None
        self.closed = False

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def take(self) -> FakeWorker:
        if self.take_error is not None:
            raise self.take_error
        worker = FakeWorker(self, len(self.workers) + 1)
        self.workers.append(worker)
        return worker

    async def close(self) -> None:
        self.closed = True
        for worker in self.workers:
            worker.die("exit status 0")
