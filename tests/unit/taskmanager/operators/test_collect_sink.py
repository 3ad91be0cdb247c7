"""Results reach the client once each, whatever fails: the collecting sink and the client's iterator together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NoReturn, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.errors import MillstreamError
from millstream.common.execution import JobClient
from millstream.common.graph.operator_spec import CollectSinkSpec
from millstream.common.ids import OperatorId
from millstream.common.wire.checkpoint_pb2 import OperatorSubtaskState
from millstream.datastream.closeable_iterator import CloseableIterator
from millstream.taskmanager.operators import collect_sink
from millstream.taskmanager.operators.collect_sink import CollectSinkOperator
from millstream.taskmanager.operators.operator import CheckpointInfo, OperatorContext, OperatorInfo, TaskInfo
from millstream.taskmanager.state.snapshot import SnapshotOptions
from tests.unit.taskmanager.operators.support import build, run, states_of


class NothingYetError(Exception):
    """The client would wait now."""


class Job:
    """A source that counts, and a sink; the job goes on from its last complete checkpoint when it fails."""

    def __init__(self, *, checkpointing: bool = True) -> None:
        self.loop = asyncio.new_event_loop()
        self.checkpointing = checkpointing
        self.attempt = 0
        self.position = 0
        self.checkpoint_id = 0
        self.pending: tuple[int, int, OperatorSubtaskState] | None = None
        self.completed: tuple[int, OperatorSubtaskState] | None = None
        self.sink = self._start()

    def _start(self) -> CollectSinkOperator:
        self.attempt += 1
        context = OperatorContext(
            OperatorInfo("results"), TaskInfo(attempt_id=f"attempt-{self.attempt}"), checkpointing=self.checkpointing
        )
        snapshot = None if self.completed is None else self.completed[1]
        sink = build(CollectSinkOperator, CollectSinkSpec(1000), context, snapshot)
        assert isinstance(sink, CollectSinkOperator)
        sink.open()
        return sink

    def emit(self, count: int) -> None:
        run(self.sink, list(range(self.position, self.position + count)))
        self.position += count

    def take_checkpoint(self) -> None:
        self.checkpoint_id += 1
        self.sink.prepare_snapshot(CheckpointInfo(self.checkpoint_id))
        running = states_of(self.sink).start_snapshot(SnapshotOptions(self.checkpoint_id))
        self.pending = self.checkpoint_id, self.position, running.write(MemorySnapshotStreams())

    def complete(self, *, notified: bool = True) -> None:
        if self.pending is not None:
            checkpoint_id, position, state = self.pending
            self.pending = None
            self.completed = position, state
            if notified:
                list(self.sink.notify_checkpoint_complete(checkpoint_id))

    def abort(self) -> None:
        if self.pending is not None:
            self.sink.notify_checkpoint_aborted(self.pending[0])
            self.pending = None

    def fail(self) -> None:
        self.pending = None
        self.position = 0 if self.completed is None else self.completed[0]
        self.sink = self._start()

    # what the iterator asks of a JobClient

    def get_job_id(self) -> str:
        return "job"

    def send_operator_request(self, operator_id: OperatorId, subtask_index: int, payload: bytes) -> bytes:
        return self.loop.run_until_complete(self.sink.handle_request(payload))

    def iterator(self) -> CloseableIterator:
        def sleep(seconds: float) -> NoReturn:
            raise NothingYetError

        return CloseableIterator(cast("JobClient", self), OperatorId("sink"), sleep)


def taken(iterator: CloseableIterator) -> list[int]:
    """All that the client can get without waiting."""
    results = []
    try:
        while True:
            results.append(next(iterator))
    except NothingYetError:
        return results


@pytest.fixture(autouse=True, scope="module")
def no_long_polls() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect_sink, "_LONG_POLL_S", 0)
        yield


@pytest.fixture
def job() -> Iterator[Job]:
    job = Job()
    yield job
    job.loop.close()


def test_results_are_given_out_when_a_checkpoint_covers_them(job: Job) -> None:
    results = job.iterator()
    job.emit(2)
    assert taken(results) == []
    job.take_checkpoint()
    job.emit(1)
    assert taken(results) == []
    job.complete()
    assert taken(results) == [0, 1]
    job.fail()
    assert taken(results) == []
    job.emit(3)
    job.take_checkpoint()
    job.complete()
    assert taken(results) == [2, 3, 4]


def test_the_last_results_come_with_the_last_checkpoint(job: Job) -> None:
    results = job.iterator()
    job.emit(2)
    assert list(job.sink.finish()) == []
    assert taken(results) == []
    job.take_checkpoint()
    job.complete()
    waiting = job.loop.create_task(job.sink.wait_consumed())
    job.loop.run_until_complete(asyncio.sleep(0))
    assert next(results) == 0
    assert next(results) == 1
    job.loop.run_until_complete(asyncio.wait_for(waiting, 5))


def test_a_task_that_is_stopped_hands_over_what_it_has(job: Job) -> None:
    results = job.iterator()
    job.emit(2)
    waiting = job.loop.create_task(job.sink.wait_consumed())
    job.loop.run_until_complete(asyncio.sleep(0))
    assert next(results) == 0
    assert next(results) == 1
    job.loop.run_until_complete(asyncio.wait_for(waiting, 5))


def test_a_job_that_goes_on_from_a_savepoint_has_a_new_client() -> None:
    job = Job(checkpointing=False)
    job.emit(3)
    first = job.iterator()
    assert taken(first) == [0, 1, 2]
    job.emit(2)
    job.take_checkpoint()
    job.complete(notified=False)
    job.fail()
    assert taken(job.iterator()) == [3, 4]
    job.loop.close()


def test_a_job_that_begins_anew_says_so() -> None:
    job = Job(checkpointing=False)
    results = job.iterator()
    job.emit(2)
    assert results.has_next()
    job.fail()
    job.emit(3)
    assert [next(results), next(results)] == [0, 1]  # they were there already
    with pytest.raises(MillstreamError, match="job job was restarted and makes its results anew"):
        next(results)
    job.loop.close()


def test_a_restart_before_anything_was_given_out_does_not_show() -> None:
    job = Job(checkpointing=False)
    results = job.iterator()
    job.fail()
    job.emit(2)
    assert results.has_next()
    job.fail()
    job.emit(1)
    results_again = job.iterator()
    assert taken(results_again) == [0]
    job.loop.close()


_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("emit"), st.integers(1, 5)),
        st.tuples(st.sampled_from(["fetch", "checkpoint", "complete", "lose notice", "abort", "fail"]), st.just(0)),
    ),
    max_size=40,
)


@given(_ACTIONS)
def test_each_result_comes_once_whatever_fails(actions: list[tuple[str, int]]) -> None:
    job = Job()
    iterator = job.iterator()
    results: list[Any] = []
    for action, count in [*actions, ("emit", 1), ("checkpoint", 0), ("complete", 0), ("fetch", 0)]:
        if action == "emit":
            job.emit(count)
        elif action == "fetch":
            results += taken(iterator)
        elif action == "checkpoint":
            job.abort()
            job.take_checkpoint()
        elif action == "complete":
            job.complete()
        elif action == "lose notice":
            job.complete(notified=False)
        elif action == "abort":
            job.abort()
        else:
            job.fail()
        covered = 0 if job.completed is None else job.completed[0]
        assert results == list(range(len(results)))
        assert len(results) <= covered
    assert results == list(range(job.position))
    job.loop.close()


def test_a_client_that_asks_before_the_state_is_restored_is_not_told_to_begin_anew() -> None:
    sink = CollectSinkOperator(CollectSinkSpec(1000), OperatorContext(OperatorInfo("results")))
    request = (3).to_bytes(8, "big") + b"the attempt before"
    with pytest.raises(MillstreamError, match="still being restored"):
        asyncio.run(sink.handle_request(request))
    sink.initialize_state()
    asyncio.run(sink.handle_request(request))
