"""Sinks at the end of a chain."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from millstream.common.clock import ManualClock
from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import CollectSinkSpec, PrintSinkSpec, SinkFunctionSpec, SinkSpec
from millstream.common.metrics import MetricGroup
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import CheckpointListener, ListCheckpointed, RuntimeContext, SinkFunction
from millstream.datastream.sink import (
    CommitRequest,
    Committer,
    CommitterInitContext,
    CommittingSinkWriter,
    Sink,
    SinkWriter,
    SupportsCommitter,
    WriterContext,
    WriterInitContext,
)
from millstream.taskmanager.operators.collect_sink import (
    CollectSinkOperator,
    ResultsNotFetchedError,
    UnpicklableResultError,
)
from millstream.taskmanager.operators.operator import CheckpointInfo, Operator, OperatorContext, OperatorInfo, TaskInfo
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.state.operator_states import OperatorStates
from tests.unit.taskmanager.operators.lossy_job import MemoryReader, redistribute, snapshot_of
from tests.unit.taskmanager.operators.support import context, failure_of, run


class _Remembering(SinkFunction):
    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.contexts: set[int] = set()
        self.name = ""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.name = runtime_context.get_task_name_with_subtasks()

    def invoke(self, value: Any, context: Any) -> None:
        self.contexts.add(id(context))
        self.seen.append((value, context.timestamp(), context.current_watermark(), context.current_processing_time()))

    def close(self) -> None:
        self.seen.append("closed")


def test_a_sink_function_gets_each_record_with_one_context() -> None:
    function = _Remembering()
    info = TaskInfo(subtask_index=1, parallelism=4)
    operator = create_operator(
        SinkFunctionSpec(function), OperatorContext(OperatorInfo("out"), info, clock=ManualClock(77))
    )
    operator.open()
    assert function.name == "out (2/4)"
    run(operator, ["a"])
    operator.process_watermark(Watermark(9))
    run(operator, ["b", "c"], [5, None])
    operator.close()
    assert function.seen == [("a", None, -(2**63), 77), ("b", 5, 9, 77), ("c", None, 9, 77), "closed"]
    assert len(function.contexts) == 1
    assert [count for _, count in operator.records_out()] == [3]


def test_a_callable_of_one_argument_is_a_sink() -> None:
    seen: list[Any] = []
    run(create_operator(SinkFunctionSpec(seen.append), context()), [1, 2])
    run(create_operator(SinkFunctionSpec(lambda value: seen.append(-value)), context()), [3], [9])
    assert seen == [1, 2, -3]


def test_invoke_may_leave_the_context_out() -> None:
    class Old:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def invoke(self, value: Any) -> None:
            self.seen.append(value)

    sink = Old()
    run(create_operator(SinkFunctionSpec(sink), context()), [1])
    assert sink.seen == [1]


@pytest.mark.parametrize("stamped", [False, True])
def test_a_sink_function_that_fails_names_its_record(stamped: bool) -> None:
    def fails(value: int) -> None:
        if value == 3:
            raise StopIteration

    operator = create_operator(SinkFunctionSpec(fails), context("out"))
    error = failure_of(operator, [1, 2, 3, 4], [0, 0, 0, 0] if stamped else None)
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("out", "invoke", 3)


class _Writer(SinkWriter):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def write(self, value: Any, context: WriterContext) -> None:
        if value == "bad":
            raise OSError("disk full")
        self.log.append((value, context.timestamp, context.current_watermark))

    def flush(self, end_of_input: bool) -> None:
        self.log.append(("flush", end_of_input))

    def close(self) -> None:
        self.log.append("close")


class _Sink(Sink):
    def __init__(self) -> None:
        self.log: list[Any] = []

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        self.log.append((context.subtask_id, context.number_of_parallel_subtasks))
        return _Writer(self.log)


def test_a_unified_sink() -> None:
    sink = _Sink()
    operator = create_operator(SinkSpec(sink), context(subtask_index=2, parallelism=3))
    operator.close()  # was never opened: there is nothing to close
    operator.open()
    run(operator, ["a"], [4])
    operator.process_watermark(Watermark(7))
    run(operator, ["b"])
    assert not list(operator.finish())
    operator.close()
    assert sink.log == [(2, 3), ("a", 4, -(2**63)), ("b", None, 7), ("flush", True), "close"]
    error = failure_of(operator, ["x", "bad"])
    assert (operator.locate(error, None).phase, operator.locate(error, None).record) == ("write", "bad")


class _CommittingWriter(CommittingSinkWriter):
    def __init__(self, log: list[Any]) -> None:
        self.log = log
        self.written: list[Any] = []

    def write(self, value: Any, context: WriterContext) -> None:
        self.written.append(value)

    def prepare_commit(self) -> list[Any]:
        written, self.written = self.written, []
        return written

    def on_processing_time(self, now_ms: int) -> int | None:
        self.log.append(("time", now_ms))
        if now_ms == 13:
            raise OSError("unlucky")
        return now_ms + 5 if now_ms < 20 else None

    def discard(self) -> None:
        self.log.append("discard")

    def close(self) -> None:
        self.log.append("close")


class _Committer(Committer):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def commit(self, requests: Sequence[CommitRequest]) -> None:
        committables = [request.get_committable() for request in requests]
        if "bad" in committables:
            raise OSError("no way")
        self.log.append(("commit", committables))

    def close(self) -> None:
        self.log.append("close committer")


class _CommittingSink(Sink, SupportsCommitter):
    def __init__(self, writer: type[Any] = _CommittingWriter) -> None:
        self.log: list[Any] = []
        self.writer = writer

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        writer: SinkWriter = self.writer(self.log)
        return writer

    def create_committer(self, context: CommitterInitContext) -> Committer:
        return _Committer(self.log)


def _committing(
    *, bounded: bool, writer: type[Any] = _CommittingWriter
) -> tuple[Operator, list[Any], ManualProcessingTime]:
    sink = _CommittingSink(writer)
    time = ManualProcessingTime(10)
    operator = create_operator(SinkSpec(sink, bounded), OperatorContext(OperatorInfo("out"), processing_time=time))
    return operator, sink.log, time


def test_what_is_written_is_committed_at_once_where_the_input_has_no_end() -> None:
    operator, log, _ = _committing(bounded=False)
    operator.open()
    run(operator, [1, 2])
    run(operator, [3])
    operator.close()
    assert log == [("time", 10), ("commit", [1, 2]), ("commit", [3]), "close", "close committer"]


@pytest.mark.parametrize("well", [True, False])
def test_what_is_written_is_committed_at_the_end_where_there_is_one(well: bool) -> None:
    operator, log, _ = _committing(bounded=True)
    operator.open()
    run(operator, [1, 2])
    run(operator, [3])
    assert log == [("time", 10)]
    if well:
        assert not list(operator.finish())
    operator.close()
    assert log[1:] == [("commit", [1, 2, 3]) if well else "discard", "close", "close committer"]


def test_a_writer_is_called_when_it_wants() -> None:
    operator, log, time = _committing(bounded=False)
    operator.open()
    assert time.alarm == 15
    time.set_now(22)
    operator.on_wake(22)
    assert time.alarm is None
    assert log == [("time", 10), ("time", 22)]
    with pytest.raises(OSError, match="unlucky") as caught:
        operator.on_wake(13)
    assert operator.locate(caught.value, None).phase == "on_processing_time"
    error = failure_of(operator, ["bad"])
    assert operator.locate(error, None).phase == "commit"


def test_a_sink_with_a_committer_has_writers_that_commit() -> None:
    operator, log, _ = _committing(bounded=False, writer=_Writer)
    with pytest.raises(TypeError, match=r"_CommittingSink has a committer, so .* CommittingSinkWriter"):
        operator.open()
    operator.close()
    assert log == ["close", "close committer"]


@pytest.mark.parametrize(
    ("identifier", "parallelism", "prefix"),
    [("", 1, ""), ("", 2, "2> "), ("mine", 1, "mine> "), ("mine", 2, "mine:2> ")],
)
def test_print_has_flinks_prefix(
    identifier: str, parallelism: int, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for to_stderr in (False, True):
        spec = PrintSinkSpec(identifier, to_stderr)
        run(create_operator(spec, context(parallelism=parallelism, subtask_index=parallelism - 1)), ["a", ("b", 1)])
        captured = capsys.readouterr()
        assert (captured.err if to_stderr else captured.out) == f"{prefix}a\n{prefix}('b', 1)\n"


def test_print_writes_a_batch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Stream:
        def write(self, text: str) -> None:
            calls.append(text)

        def flush(self) -> None:
            calls.append("flush")

    monkeypatch.setattr(sys, "stdout", Stream())
    run(create_operator(PrintSinkSpec(), context()), [1, 2, 3])
    assert calls == ["1\n2\n3\n", "flush"]


def test_a_broken_str_fails_the_print() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("no text")

    operator = create_operator(PrintSinkSpec(), context())
    broken = Broken()
    error = failure_of(operator, [1, broken])
    assert operator.locate(error, None).record is broken


# ---------------------------------------------------------------- collect


def _collect(capacity: int = 5, timeout: float = 60.0) -> CollectSinkOperator:
    sink = CollectSinkOperator(
        CollectSinkSpec(capacity), OperatorContext(OperatorInfo("results"), fetch_timeout_s=timeout)
    )
    sink.initialize_state()
    return sink


async def _fetch(sink: CollectSinkOperator, received: int) -> tuple[int, list[Any], bool]:
    _, offset, results, finished, covered = pickle.loads(await sink.handle_request(received.to_bytes(8, "big")))
    assert covered >= offset + len(results)
    return offset, results, finished


def test_results_are_kept_until_they_are_acknowledged() -> None:
    async def scenario() -> None:
        sink = _collect()
        run(sink, ["a", "b"])
        assert await _fetch(sink, 0) == (0, ["a", "b"], False)
        assert await _fetch(sink, 0) == (0, ["a", "b"], False)
        run(sink, ["c"])
        assert await _fetch(sink, 2) == (2, ["c"], False)
        with pytest.raises(MillstreamError, match="says that it has 7"):
            await _fetch(sink, 7)
        with pytest.raises(MillstreamError, match="says that it has 1"):
            await _fetch(sink, 1)
        with pytest.raises(MillstreamError, match="8 bytes"):
            await sink.handle_request(b"x")

    asyncio.run(scenario())


def test_a_full_collect_sink_pushes_back_until_the_client_fetches() -> None:
    async def scenario() -> None:
        sink = _collect(capacity=3)
        run(sink, [1, 2, 3])
        assert not sink.has_room
        waiting = asyncio.ensure_future(sink.wait_room())
        await _fetch(sink, 0)
        assert not sink.has_room
        await _fetch(sink, 2)
        await asyncio.wait_for(waiting, 5)
        assert sink.has_room

    asyncio.run(scenario())


def test_the_task_waits_until_everything_was_fetched() -> None:
    async def scenario() -> None:
        sink = _collect()
        run(sink, [1])
        assert not list(sink.finish())
        waiting = asyncio.ensure_future(sink.wait_consumed())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await _fetch(sink, 0) == (0, [1], True)
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await _fetch(sink, 1) == (1, [], True)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_a_fetch_waits_a_moment_for_results() -> None:
    async def scenario() -> None:
        sink = _collect()
        fetching = asyncio.ensure_future(_fetch(sink, 0))
        await asyncio.sleep(0)
        run(sink, ["soon"])
        assert await fetching == (0, ["soon"], False)
        assert await _fetch(sink, 1) == (1, [], False)

    asyncio.run(scenario())


def test_a_client_that_is_gone_fails_the_task() -> None:
    async def scenario(wait: Callable[[CollectSinkOperator], Any]) -> None:
        sink = _collect(capacity=1, timeout=0.05)
        run(sink, [1])
        with pytest.raises(ResultsNotFetchedError, match=r"client\.heartbeat\.timeout"):
            await wait(sink)

    asyncio.run(scenario(lambda sink: sink.wait_room()))
    asyncio.run(scenario(lambda sink: sink.wait_consumed()))


def test_large_results_come_in_several_responses() -> None:
    async def scenario() -> None:
        sink = _collect(capacity=100)
        large = [bytes([i]) * 3_000_000 for i in range(6)]
        run(sink, large)
        sink.finish()
        got: list[bytes] = []
        responses = 0
        finished = False
        while not finished:
            offset, results, finished = await _fetch(sink, len(got))
            assert offset == len(got)
            got.extend(results)
            responses += 1
        assert got == large
        assert responses > 1

    asyncio.run(scenario())


def test_a_result_that_cannot_be_pickled_fails_the_task() -> None:
    class Stubborn:
        def __reduce__(self) -> Any:
            raise TypeError("not me")

    async def scenario() -> None:
        sink = _collect()
        run(sink, [1, Stubborn()])
        with pytest.raises(UnpicklableResultError, match="Stubborn"):
            await _fetch(sink, 0)
        assert not sink.has_room
        with pytest.raises(UnpicklableResultError):
            await asyncio.wait_for(sink.wait_consumed(), 5)

    asyncio.run(scenario())


def test_lambdas_can_be_collected() -> None:
    async def scenario() -> None:
        sink = _collect()
        run(sink, [lambda: 5])
        _, results, _ = await _fetch(sink, 0)
        assert results[0]() == 5

    asyncio.run(scenario())


def test_an_unknown_spec_is_a_clear_error() -> None:
    with pytest.raises(MillstreamError, match="no operator runs a int"):
        create_operator(5, context("odd"))


def test_something_that_is_no_function_is_a_clear_error() -> None:
    with pytest.raises(MillstreamError, match="callable or an object with a method invoke"):
        create_operator(SinkFunctionSpec(5), context("odd"))


def test_an_empty_batch_is_no_trouble() -> None:
    for spec in (PrintSinkSpec(), SinkFunctionSpec(print), CollectSinkSpec()):
        assert not list(create_operator(spec, context()).process_batch(RecordBatch([])))


def test_a_sink_function_takes_part_in_checkpoints_and_knows_the_end() -> None:
    class Buffering(SinkFunction, ListCheckpointed, CheckpointListener):
        def __init__(self) -> None:
            self.kept: list[Any] = []
            self.log: list[Any] = []

        def invoke(self, value: Any, context: Any) -> None:
            self.kept.append(value)

        def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
            return list(self.kept)

        def restore_state(self, state: list[Any]) -> None:
            self.kept = state

        def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
            self.log.append(("complete", checkpoint_id))

        def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
            self.log.append(("aborted", checkpoint_id))

        def finish(self) -> None:
            self.log.append("finish")

    states = OperatorStates()
    first = create_operator(SinkFunctionSpec(Buffering()), OperatorContext(OperatorInfo("out"), state=states))
    first.initialize_state()
    first.open()
    run(first, ["a", "b"])
    first.prepare_snapshot(CheckpointInfo(1))
    again = OperatorStates(restored_checkpoint_id=1)
    again.restore(redistribute([snapshot_of(states, 1)], 1)[0], MemoryReader())
    function = Buffering()
    second = create_operator(SinkFunctionSpec(function), OperatorContext(OperatorInfo("out"), state=again))
    second.initialize_state()
    second.open()
    assert function.kept == ["a", "b"]
    assert not list(second.notify_checkpoint_complete(2))
    second.notify_checkpoint_aborted(3)
    assert not list(second.finish())
    assert function.log == [("complete", 2), ("aborted", 3), "finish"]


def test_a_committing_sink_counts_what_it_wrote_and_what_was_committed() -> None:
    operator = create_operator(SinkSpec(_CommittingSink(), bounded=True), context())
    group = MetricGroup()
    operator.register_metrics(group)
    assert dict(group.values())["pendingCommittables"] == 0
    operator.open()
    run(operator, ["a", "b"])
    list(operator.finish())
    found = dict(group.values())
    operator.close()
    assert [found[name] for name in ("numRecordsSend", "totalCommittables", "successfulCommittables")] == [2, 2, 2]
    assert [found[name] for name in ("numRecordsSendErrors", "failedCommittables", "pendingCommittables")] == [0, 0, 0]
