"""Records tell where they come from: the task of the coroutine or thread, else the process's job, else nothing."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from types import FrameType

import pytest

from millstream.common.logging import TaskFields, task_context
from millstream.common.logging.task_context import JobContext, TaskContext, enter_task, serve_job

JOB = JobContext("0a1b", "word count")


@pytest.fixture(autouse=True)
def _no_job_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests make this process serve a job."""
    monkeypatch.setattr(task_context, "_job_of_process", None)


def task(name: str, operator: str = "", subtask: int = 0) -> TaskContext:
    return TaskContext(JOB, name, subtask, 4, 2, f"attempt-{name}", lambda frame: operator)


def fields(*, with_process: bool = False, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": "m", "process": 7, **extra})
    assert TaskFields(with_process=with_process).filter(record)
    return record


def origin(*, with_process: bool = False) -> object:
    return fields(with_process=with_process).__dict__["origin"]


def test_outside_of_tasks_there_is_nothing() -> None:
    record = fields()
    assert record.__dict__["origin"] == record.__dict__["task_name"] == record.__dict__["subtask"] == ""
    assert origin(with_process=True) == " [7]"


def test_each_coroutine_tells_its_own_task() -> None:
    async def run(context: TaskContext, turn: asyncio.Event, next_turn: asyncio.Event) -> object:
        enter_task(context)
        next_turn.set()
        await turn.wait()
        return origin()

    async def both() -> tuple[object, object]:
        first, second = asyncio.Event(), asyncio.Event()
        one = asyncio.create_task(run(task("Map", "Tokenizer", 1), first, second))
        other = asyncio.create_task(run(task("Sink", "Sink"), second, first))
        return await one, await other

    assert asyncio.run(both()) == (" [0a1b Map (2/4)#2 Tokenizer]", " [0a1b Sink (1/4)#2]")
    assert origin() == ""


def test_a_thread_with_a_copy_of_the_context_tells_the_task_and_another_the_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_context, "_job_of_process", None)
    told: list[object] = []

    def note() -> None:
        told.append(origin())

    def in_task() -> None:
        enter_task(task("Map"))
        copied = contextvars.copy_context()
        for target in (note, lambda: copied.run(note)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    serve_job(JOB)
    contextvars.copy_context().run(in_task)
    assert told == [" [0a1b]", " [0a1b Map (1/4)#2]"]


def test_all_fields_are_attributes_and_what_the_call_gave_stays() -> None:
    def in_task() -> None:
        enter_task(task("Map", "Tokenizer", 1))
        known = fields(subtask="mine").__dict__
        assert {name: known[name] for name in ("job_id", "job_name", "task_name", "attempt_id", "operator")} == {
            "job_id": "0a1b",
            "job_name": "word count",
            "task_name": "Map",
            "attempt_id": "attempt-Map",
            "operator": "Tokenizer",
        }
        assert (known["subtask"], known["parallelism"], known["attempt"]) == ("mine", 4, 2)

    contextvars.copy_context().run(in_task)


def test_logging_goes_on_where_the_operator_cannot_be_told() -> None:
    def broken(frame: FrameType) -> str:
        raise RuntimeError("no operator")

    def in_task() -> None:
        enter_task(TaskContext(JOB, "Map", 0, 1, 0, "a", broken))
        assert origin() == " [0a1b Map (1/1)#0]"

    contextvars.copy_context().run(in_task)
