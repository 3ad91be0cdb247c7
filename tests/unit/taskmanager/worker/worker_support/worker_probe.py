"""Listens to one worker and waits for what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.common.wire.worker_pb2 import (
    CancelTask,
    PrepareSlot,
    RunTasks,
    WorkerCommand,
    WorkerEvent,
    WorkerOperatorRequest,
)
from millstream.taskmanager.worker.handle import WorkerHandle

TIMEOUT_S = 10.0


class WorkerProbe:
    def __init__(self, worker: WorkerHandle) -> None:
        self.worker = worker
        self.events: list[WorkerEvent] = []
        self.exits: list[str] = []
        self._changed = asyncio.Event()
        self._request_id = 0
        worker.attach(self._on_event, self._on_exit)

    def prepare(self) -> None:
        self.worker.send(WorkerCommand(prepare=PrepareSlot(allocation_id="a")))

    def run(self, *attempt_ids: str) -> None:
        tasks = [TaskDeployment(attempt_id=attempt_id) for attempt_id in attempt_ids]
        self.worker.send(WorkerCommand(run=RunTasks(tasks=tasks)))

    def cancel(self, attempt_id: str) -> None:
        self.worker.send(WorkerCommand(cancel=CancelTask(attempt_id=attempt_id)))

    def play(self, script: str) -> int:
        self._request_id += 1
        request = WorkerOperatorRequest(request_id=self._request_id, payload=script.encode())
        self.worker.send(WorkerCommand(operator_request=request))
        return self._request_id

    async def ask(self, script: str) -> bytes:
        request_id = self.play(script)
        return (await self.answer(request_id)).operator_response.payload

    async def answer(self, request_id: int) -> WorkerEvent:
        return await self.event(lambda event: event.operator_response.request_id == request_id)

    async def state(self, attempt_id: str, state: str) -> WorkerEvent:
        return await self.event(lambda e: (e.task_state.attempt_id, e.task_state.state) == (attempt_id, state))

    async def event(self, wanted: Callable[[WorkerEvent], bool]) -> WorkerEvent:
        await self._until(lambda: any(wanted(event) for event in self.events))
        return next(event for event in self.events if wanted(event))

    async def exit(self) -> str:
        await self._until(lambda: bool(self.exits))
        return self.exits[0]

    async def _until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not condition():
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(wait(), TIMEOUT_S)

    def _on_event(self, event: WorkerEvent) -> None:
        assert not self.exits, "an event after the exit"
        self.events.append(event)
        self._changed.set()

    def _on_exit(self, how: str) -> None:
        self.exits.append(how)
        self._changed.set()
