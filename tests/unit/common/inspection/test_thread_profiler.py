"""A profile counts where the threads of a process are, by function."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.inspection import thread_profiler
from millstream.common.inspection.thread_profiler import OTHER_STACKS, ThreadProfiler
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, ThreadProfile

LONG = ProfileThreadsRequest(duration_ms=60_000, interval_ms=1)


def _burn_here(end: threading.Event) -> None:
    while not end.is_set():
        sum(range(100))


def _wait_here(end: threading.Event) -> None:
    end.wait(10)


@contextmanager
def _threads() -> Iterator[None]:
    end = threading.Event()
    threads = [
        threading.Thread(target=_burn_here, args=(end,), name="burning"),
        threading.Thread(target=_wait_here, args=(end,), name="waiting"),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join(10)


def _profile(request: ProfileThreadsRequest) -> dict[tuple[str, ...], int]:
    return _counts(asyncio.run(ThreadProfiler("some process").profile(request)))


def _counts(profile: ThreadProfile) -> dict[tuple[str, ...], int]:
    counts = {tuple(profile.frames[number] for number in stack.frames): stack.count for stack in profile.stacks}
    assert len(counts) == len(profile.stacks)
    assert all(frames[0].startswith("some process ") for frames in counts)
    return counts


def _seen(counts: dict[tuple[str, ...], int], thread: str, function: str) -> int:
    inside = [
        count
        for frames, count in counts.items()
        if frames[0] == f"some process {thread}" and any(frame.endswith(f".{function}") for frame in frames)
    ]
    return sum(inside)


def test_all_threads_are_seen_but_the_one_that_looks() -> None:
    with _threads():
        counts = _profile(ProfileThreadsRequest(duration_ms=200, interval_ms=5))
    assert _seen(counts, "burning", "_burn_here") > 0
    assert _seen(counts, "waiting", "_wait_here") > 0
    assert not any("thread profiler" in frames[0] for frames in counts)


def test_threads_that_wait_are_left_out_where_they_are_not_wanted() -> None:
    with _threads():
        counts = _profile(ProfileThreadsRequest(duration_ms=200, interval_ms=5, on_cpu_only=True))
    assert _seen(counts, "burning", "_burn_here") > 0
    assert not [frames for frames in counts if frames[0].endswith(" waiting") and frames[-1].endswith("wait")]


def test_a_thread_that_runs_native_code_alone_is_taken_for_one_that_waits() -> None:
    lock = threading.Lock()
    with lock:
        thread = threading.Thread(target=lock.acquire, name="native")
        thread.start()
        counts = _profile(ProfileThreadsRequest(duration_ms=100, interval_ms=5))
        at_work = _profile(ProfileThreadsRequest(duration_ms=100, interval_ms=5, on_cpu_only=True))
    thread.join(10)
    assert [frames[-1].rpartition(".")[2] for frames in counts if frames[0].endswith(" native")] == ["run"]
    assert not [frames for frames in at_work if frames[0].endswith(" native")]


def test_of_deep_stacks_the_innermost_frames_are_kept_below_their_thread() -> None:
    with _threads():
        counts = _profile(ProfileThreadsRequest(duration_ms=50, interval_ms=5, max_depth=1))
    assert {len(frames) for frames in counts} == {2}
    assert ("some process waiting", "threading.Condition.wait") in counts or (
        "some process waiting",
        "threading.wait",
    ) in counts


def test_stacks_beyond_what_is_told_apart_are_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_profiler, "_MAX_STACKS", 0)
    with _threads():
        counts = _profile(ProfileThreadsRequest(duration_ms=50, interval_ms=5))
    assert counts[("some process waiting", OTHER_STACKS)] > 0
    assert {frames[1] for frames in counts} == {OTHER_STACKS}


def test_a_process_is_profiled_once_at_a_time_and_stops_when_told_to() -> None:
    async def test() -> None:
        profiler = ThreadProfiler("some process")
        first = asyncio.ensure_future(profiler.profile(LONG))
        await asyncio.sleep(0)
        with pytest.raises(MillstreamError, match="some process is still under profiling"):
            await profiler.profile(LONG)
        profiler.stop()
        _counts(await asyncio.wait_for(first, 10))
        profiler.stop()  # there is nothing to stop
        again = asyncio.ensure_future(profiler.profile(LONG))
        await asyncio.sleep(0)
        again.cancel()  # as does who asked and went away
        with pytest.raises(asyncio.CancelledError):
            await again

    asyncio.run(test())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("thread profiler")]


@pytest.mark.parametrize(("duration_ms", "interval_ms"), [(0, 1), (1, 0), (-1, 1)])
def test_what_makes_no_sense_is_refused(duration_ms: int, interval_ms: int) -> None:
    with pytest.raises(MillstreamError, match="at least 1"):
        _profile(ProfileThreadsRequest(duration_ms=duration_ms, interval_ms=interval_ms))
