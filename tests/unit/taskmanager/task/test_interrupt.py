"""Interrupts hit user code that blocks, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any

import pytest

from millstream.common.graph.operator_spec import MapSpec, SinkFunctionSpec, SourceSpec
from millstream.taskmanager.task.interrupt import (
    TaskInterrupted,
    UserCodeSection,
    install_signal_handler,
    interrupt_current_user_code,
)
from tests.unit.taskmanager.task.sources import ListSource
from tests.unit.taskmanager.task.support import Harness

ENTERED = threading.Event()


def _blocks(value: Any) -> Any:
    ENTERED.set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            time.sleep(0.005)
        except Exception:  # noqa: BLE001  # as stubborn users do
            continue
    return value


@pytest.fixture(autouse=True)
def _fresh() -> None:
    ENTERED.clear()


def test_nothing_happens_while_no_user_code_runs() -> None:
    section = UserCodeSection.of_this_thread()
    assert not section.active
    assert interrupt_current_user_code() is False
    assert interrupt_current_user_code(threading.get_ident()) is False
    assert interrupt_current_user_code(1) is False


def test_user_code_that_has_just_begun_is_let_be_unless_its_task_is_cancelled() -> None:
    section = UserCodeSection.of_this_thread()
    section.enter(time.perf_counter_ns())
    try:
        assert interrupt_current_user_code() is False
        section.cancelling = True
        with pytest.raises(TaskInterrupted):
            interrupt_current_user_code()
    finally:
        section.cancelling = False
        section.leave()


def _interrupt_until_it_ends(ident: int, ended: threading.Event) -> None:
    ENTERED.wait(10)
    while not ended.wait(0.05):
        interrupt_current_user_code(ident)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_blocking_function_in_a_thread_worker(cancel: bool) -> None:
    ended = threading.Event()

    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), MapSpec(_blocks), SinkFunctionSpec(print))
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            ENTERED.wait(10)
            if cancel:
                loop.call_soon_threadsafe(harness.task.cancel)  # cannot be served: the loop is blocked
            _interrupt_until_it_ends(loop_thread, ended)

        loop_thread = threading.get_ident()
        thread = threading.Thread(target=interrupt)
        thread.start()
        end = await harness.run()
        ended.set()
        thread.join(5)
        if cancel:
            assert (end.state, end.HasField("failure")) == ("CANCELED", False)
        else:
            assert (end.state, end.failure.kind) == ("FAILED", "CANCELLATION")
            assert end.failure.user_file == __file__

    asyncio.run(scenario())


def test_a_blocking_function_in_a_process_worker() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    install_signal_handler()
    ended = threading.Event()

    async def scenario() -> None:
        harness = Harness(SourceSpec(ListSource([[1]])), MapSpec(_blocks), SinkFunctionSpec(print))
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            os.kill(os.getpid(), signal.SIGUSR1)  # nothing runs yet: nothing happens
            ENTERED.wait(10)
            loop.call_soon_threadsafe(harness.task.cancel)
            while not ended.wait(0.1):
                os.kill(os.getpid(), signal.SIGUSR1)

        thread = threading.Thread(target=interrupt)
        thread.start()
        end = await harness.run()
        ended.set()
        thread.join(5)
        assert end.state == "CANCELED"

    try:
        asyncio.run(scenario())
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_interrupt_at_the_last_moment_is_not_let_into_the_engine() -> None:
    section = UserCodeSection.of_this_thread()
    ident = threading.get_ident()
    for _ in range(50):
        section.cancelling = True
        section.enter(time.perf_counter_ns())
        other = threading.Thread(target=section.interrupt_from_other_thread, args=(ident,))
        hit = False
        try:
            other.start()
            try:
                other.join()
            finally:
                section.leave()
        except TaskInterrupted:
            hit = True
            section.reset()
        finally:
            section.cancelling = False
        other.join()
        assert hit
        assert not section.active
