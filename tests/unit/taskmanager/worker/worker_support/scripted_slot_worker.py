"""A slot worker that does what the tests tell it to, by the payloads of operator requests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.wire.cluster_pb2 import TaskExecutionState
from millstream.common.wire.worker_pb2 import (
    SlotFailed,
    SlotPrepared,
    WorkerCommand,
    WorkerEvent,
    WorkerOperatorResponse,
)
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection

STARTED_AT = time.monotonic()


class ScriptedSlotWorker:
    def __init__(self, emit: Callable[[WorkerEvent], None], clock: Clock) -> None:
        self._emit = emit
        self._close_hangs = False

    async def handle(self, command: WorkerCommand) -> None:
        kind = command.WhichOneof("command")
        if kind == "prepare":
            self._emit(WorkerEvent(prepared=SlotPrepared(data_port=1234, pid=os.getpid())))
        elif kind == "run":
            for task in command.run.tasks:
                self._state(task.attempt_id, "RUNNING")
        elif kind == "cancel":
            if command.cancel.attempt_id == "raise":
                raise RuntimeError("a fault of the engine")
            self._state(command.cancel.attempt_id, "CANCELED")
        else:
            request = command.operator_request
            answer = await self._play(request.payload.decode())
            response = WorkerOperatorResponse(request_id=request.request_id, payload=answer)
            self._emit(WorkerEvent(operator_response=response))

    async def close(self) -> None:
        if self._close_hangs:
            await asyncio.sleep(3600)
        self._state("closed", "CANCELED")

    def _state(self, attempt_id: str, state: str) -> None:
        self._emit(WorkerEvent(task_state=TaskExecutionState(attempt_id=attempt_id, state=state)))

    async def _play(self, script: str) -> bytes:
        what, _, argument = script.partition(":")
        if what == "large":
            return b"x" * int(argument)
        if what == "wait":
            await asyncio.sleep(float(argument))
        elif what == "exit":
            os._exit(int(argument))
        elif what == "last-words":
            self._state("last-words", "FAILED")
            os._exit(int(argument))
        elif what == "system-exit":
            sys.exit(int(argument))
        elif what == "fail":
            self._emit(WorkerEvent(failed=SlotFailed(failure=engine_failure(ENGINE, "cannot serve"))))
        elif what == "print":
            print(argument)  # noqa: T201  # as users do
        elif what == "breakpoint":
            secret = argument  # noqa: F841  # looked at in the debugger
            breakpoint()  # noqa: T100  # as users do
        elif what == "grandchild":
            child = subprocess.Popen(["sleep", argument], close_fds=False)  # noqa: ASYNC220  # as users do
            return str(child.pid).encode()
        elif what == "hang-in-close":
            self._close_hangs = True
        elif what == "deaf":
            section = UserCodeSection.of_this_thread()
            section.cancelling = True
            try:
                section.enter(time.perf_counter_ns())
                self._state("blocking", "RUNNING")
                end = time.monotonic() + float(argument)
                while time.monotonic() < end:
                    time.sleep(0.001)  # noqa: ASYNC251  # blocks on purpose
                section.leave()
            except TaskInterrupted:
                section.leave()
                return b"interrupted"
        elif what == "stubborn":
            self._state("blocking", "RUNNING")
            time.sleep(float(argument))  # noqa: ASYNC251  # blocks on purpose
        elif what == "info":
            loop = type(asyncio.get_running_loop()).__module__
            return f"{os.getpid()} {os.getppid()} {loop} {'grpc' in sys.modules} {sys.argv[0]}".encode()
        return b"done"
