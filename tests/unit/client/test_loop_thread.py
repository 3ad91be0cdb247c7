from __future__ import annotations

import asyncio
import threading

import pytest

from millstream.client.loop_thread import LoopThread


async def never() -> None:
    await asyncio.Event().wait()


def test_it_runs_coroutines_for_other_threads() -> None:
    thread = LoopThread("test-loop")

    async def where() -> str:
        return threading.current_thread().name

    try:
        assert thread.run(where()) == "test-loop"
    finally:
        thread.close()


def test_a_call_that_takes_too_long_is_cancelled() -> None:
    thread = LoopThread("test-loop")
    cancelled = threading.Event()

    async def note_cancellation() -> None:
        try:
            await never()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    try:
        with pytest.raises(TimeoutError, match="No result within"):
            thread.run(note_cancellation(), 0.02)
        assert cancelled.wait(10)
    finally:
        thread.close()


def test_close_cancels_what_still_runs_and_ends_the_thread() -> None:
    thread = LoopThread("test-loop")
    cleaned: list[str] = []

    async def lingering() -> None:
        try:
            await never()
        finally:
            cleaned.append("up")

    tasks = []

    async def start() -> None:
        tasks.append(asyncio.ensure_future(lingering()))
        await asyncio.sleep(0)

    thread.run(start())
    thread.close()
    thread.close()
    assert cleaned == ["up"]
    assert thread.loop.is_closed()
    assert "test-loop" not in [each.name for each in threading.enumerate()]


def test_a_closed_loop_refuses_calls() -> None:
    thread = LoopThread("test-loop")
    thread.close()
    with pytest.raises(RuntimeError, match="is closed"):
        thread.run(never())


def test_waiting_on_the_loop_for_itself_is_refused() -> None:
    thread = LoopThread("test-loop")

    async def wait_for_itself() -> None:
        thread.run(never())

    try:
        with pytest.raises(RuntimeError, match="from another thread"):
            thread.run(wait_for_itself())
    finally:
        thread.close()


def test_errors_come_through() -> None:
    thread = LoopThread("test-loop")

    async def fail() -> None:
        raise TimeoutError("its own")

    try:
        with pytest.raises(TimeoutError, match="its own"):
            thread.run(fail(), 10)
    finally:
        thread.close()
