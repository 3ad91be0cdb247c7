"""A dump says who waits where."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from millstream.common.inspection.thread_dump import asyncio_tasks, threads_of_this_process


def _wait_here(entered: threading.Event, end: threading.Event) -> None:
    entered.set()
    end.wait(10)


def test_each_thread_stands_with_its_name_and_stack() -> None:
    entered, end = threading.Event(), threading.Event()
    thread = threading.Thread(target=_wait_here, args=(entered, end), name="a waiting thread", daemon=True)
    thread.start()
    try:
        assert entered.wait(10)
        first, *others = threads_of_this_process("some process")
    finally:
        end.set()
        thread.join(10)
    assert first.name == f"some process {threading.main_thread().name}"
    assert "test_each_thread_stands_with_its_name_and_stack" in first.text
    waiting = next(each for each in others if each.name == "some process a waiting thread")
    headline, *stack = waiting.text.splitlines()
    assert headline.startswith(f'"some process a waiting thread" id={thread.native_id} daemon ')
    assert any("_wait_here" in line for line in stack)
    assert stack.index(next(line for line in stack if "_wait_here" in line)) < len(stack) - 2, "innermost last"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the state of a thread")
def test_a_running_thread_is_runnable() -> None:
    first = threads_of_this_process("p")[0]
    assert first.text.splitlines()[0].endswith(" RUNNABLE")


def test_a_task_stands_with_what_it_waits_for() -> None:
    async def inner(end: asyncio.Event) -> None:
        await end.wait()

    async def outer(end: asyncio.Event) -> None:
        await inner(end)

    async def run() -> None:
        end = asyncio.Event()
        task = asyncio.create_task(outer(end), name="the waiting one")
        await asyncio.sleep(0)
        (described,) = asyncio_tasks("p")
        assert described.name == "p asyncio the waiting one"
        places = [line.rpartition(" in ")[2] for line in described.text.splitlines() if line.startswith("  File")]
        assert places == ["outer", "inner", "wait"]
        end.set()
        await task

    asyncio.run(run())
