"""Samples tell where tasks are: at work in their code, waiting in their coroutines, or in threads of their own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import CoroutineType
from typing import Any

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.wire.inspection_pb2 import SampleStacksRequest, StackSample
from millstream.taskmanager.inspection.sampled_task import SampledTask
from millstream.taskmanager.inspection.stack_sampler import TaskStackSampler

REQUEST = SampleStacksRequest(attempt_ids=["a"], samples=20, interval_ms=5)


def _burn() -> None:
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        pass


def _nap() -> None:
    time.sleep(0.02)


async def _repeat(what: Callable[[], None]) -> None:
    while True:
        what()
        await asyncio.sleep(0)


async def _wait_for_ever() -> None:
    await _wait_inside()


async def _wait_inside() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def _sampler(coroutine: Any, own_thread: Callable[[], int | None] = lambda: None) -> AsyncIterator[Any]:
    assert isinstance(coroutine, CoroutineType)
    task = asyncio.get_running_loop().create_task(coroutine)
    await asyncio.sleep(0)
    sampler = TaskStackSampler(lambda: [SampledTask("a", coroutine, own_thread)])
    try:
        yield sampler
    finally:
        await sampler.close()
        task.cancel()
        await asyncio.wait({task})
        await _no_threads()


async def _no_threads() -> None:
    deadline = time.monotonic() + 5
    while any(thread.name.startswith("stack sampler") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the thread of the sampler is left behind"
        await asyncio.sleep(0)


def _samples(coroutine: Any, request: SampleStacksRequest = REQUEST, **more: Any) -> list[StackSample]:
    async def sample() -> list[StackSample]:
        async with _sampler(coroutine, **more) as sampler:
            (attempt,) = (await sampler.sample(request)).attempts
            assert attempt.attempt_id == "a"
            return list(attempt.samples)

    return asyncio.run(sample())


def _functions(sample: StackSample) -> list[str]:
    return [frame.rpartition(":")[0].rpartition(".")[2] for frame in sample.frames]


def test_code_of_the_task_is_on_the_processor_from_its_coroutine_inwards() -> None:
    samples = _samples(_repeat(_burn))
    hot = [sample for sample in samples if sample.on_cpu]
    assert all(_functions(sample)[0] == "_repeat" for sample in samples)
    assert sum(sample.count for sample in hot if _functions(sample) == ["_repeat", "_burn"]) > 0
    assert sum(sample.count for sample in samples) <= REQUEST.samples
    assert hot[0].frames[0].startswith("tests.unit.taskmanager.inspection.test_stack_sampler._repeat:")


def test_code_that_sleeps_is_not_on_the_processor() -> None:
    samples = _samples(_repeat(_nap))
    assert sum(sample.count for sample in samples if _functions(sample)[-1] == "_nap" and not sample.on_cpu) > 0
    assert not [sample for sample in samples if _functions(sample)[-1] == "_nap" and sample.on_cpu]


def test_a_task_that_waits_shows_what_it_waits_in() -> None:
    (sample,) = _samples(_wait_for_ever())
    assert not sample.on_cpu
    assert _functions(sample) == ["_wait_for_ever", "_wait_inside", "wait"]
    assert sample.count == REQUEST.samples


def test_of_deep_stacks_the_innermost_frames_are_kept() -> None:
    request = SampleStacksRequest(attempt_ids=["a"], samples=2, interval_ms=1, max_depth=2)
    (sample,) = _samples(_wait_for_ever(), request)
    assert _functions(sample) == ["_wait_inside", "wait"]


def test_a_thread_of_the_task_is_seen_too() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        samples = _samples(_wait_for_ever(), own_thread=lambda: thread.ident)
    finally:
        ended.set()
        thread.join()
    of_thread = [sample for sample in samples if "_bootstrap" in _functions(sample)]
    assert sum(sample.count for sample in of_thread) == REQUEST.samples
    assert not any(sample.on_cpu for sample in of_thread)


def test_requests_of_the_same_share_one_sampling() -> None:
    async def test() -> None:
        looked: list[int] = []
        sampler = TaskStackSampler(lambda: looked.append(1) or [])  # type: ignore[func-returns-value]
        await asyncio.gather(sampler.sample(REQUEST), sampler.sample(REQUEST))
        assert len(looked) == 1
        other = SampleStacksRequest(samples=1, interval_ms=1)
        await asyncio.gather(sampler.sample(REQUEST), sampler.sample(other))
        assert len(looked) == 3
        await _no_threads()

    asyncio.run(test())


def test_who_goes_away_takes_it_from_nobody_and_the_last_one_ends_it() -> None:
    long = SampleStacksRequest(attempt_ids=["a"], samples=10_000, interval_ms=10)

    async def test() -> None:
        async with _sampler(_wait_for_ever()) as sampler:
            first, second = (asyncio.ensure_future(sampler.sample(long)) for _ in range(2))
            await asyncio.sleep(0)
            await _cancelled(first)
            assert not second.done()
            await _cancelled(second)
            await asyncio.wait_for(_no_threads(), 5)
            # What comes after a broken one gets a whole one.
            (attempt,) = (await sampler.sample(REQUEST)).attempts
            assert attempt.samples[0].count == REQUEST.samples

    asyncio.run(test())


async def _cancelled(waiting: asyncio.Future[Any]) -> None:
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_closing_ends_it() -> None:
    long = SampleStacksRequest(attempt_ids=["a"], samples=10_000, interval_ms=10)

    async def test() -> None:
        async with _sampler(_wait_for_ever()) as sampler:
            asking = asyncio.ensure_future(sampler.sample(long))
            await asyncio.sleep(0)
            await asyncio.wait_for(sampler.close(), 5)
            await asking

    asyncio.run(test())


@pytest.mark.parametrize(("samples", "interval_ms"), [(0, 1), (1, 0), (10_000, 1_000)])
def test_what_makes_no_sense_is_refused(samples: int, interval_ms: int) -> None:
    async def test(sample: Callable[[SampleStacksRequest], Awaitable[Any]]) -> None:
        with pytest.raises(MillstreamError, match="Stacks"):
            await sample(SampleStacksRequest(samples=samples, interval_ms=interval_ms))

    asyncio.run(test(TaskStackSampler(list).sample))
