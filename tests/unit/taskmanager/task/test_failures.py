"""Whatever a user's code raises, wherever it does, the failure names operator, method, record and line."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import cloudpickle
import pytest

from millstream.common.failure import USER_CODE, FailureInfo, first_line
from millstream.common.graph.operator_spec import (
    FilterSpec,
    FlatMapSpec,
    LegacySourceSpec,
    MapSpec,
    PrintSinkSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SinkSpec,
    SourceSpec,
)
from millstream.common.records import RecordBatch
from millstream.common.stable_hash import UnsupportedKeyTypeError
from millstream.common.typeinfo import Types
from millstream.datastream.sink import Sink, SinkWriter, WriterContext, WriterInitContext
from millstream.taskmanager.network.partitioners import PartitionerFunctionError
from millstream.taskmanager.network.value_serializer import RecordSerializationError
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, OperatorInfo, TaskInfo
from millstream.taskmanager.task.user_failure import UserCodeError, build_failure, short_repr
from millstream.taskmanager.user_code import PayloadError
from tests.unit.taskmanager.task.sources import FailingLegacy, FailingSource, ListSource
from tests.unit.taskmanager.task.support import Harness

_SOURCE = SourceSpec(ListSource([[1, 2, 3]]))


def _explode(value: Any) -> Any:
    if value == 2:
        raise ValueError(f"bad value {value}")
    return [value]


_EXPLODE_LINE = inspect.getsourcelines(_explode)[1] + 2


class Fails:
    """A function of any kind that fails in one method."""

    def __init__(self, where: str, error: BaseException | None = None) -> None:
        self.where = where
        self.error = error or ValueError("on purpose")

    def open(self, runtime_context: Any) -> None:
        self._fail("open")

    def close(self) -> None:
        self._fail("close")

    def map(self, value: Any) -> Any:
        self._fail("map")
        return value

    def filter(self, value: Any) -> Any:
        self._fail("filter")
        return True

    def flat_map(self, value: Any) -> Any:
        self._fail("flat_map")
        yield value

    def reduce(self, first: Any, second: Any) -> Any:
        self._fail("reduce")
        return first

    def get_key(self, value: Any) -> Any:
        self._fail("key_by")
        return 0

    def invoke(self, value: Any, context: Any) -> None:
        self._fail("invoke")

    def _fail(self, where: str) -> None:
        if where == self.where:
            raise self.error


class FailingSink(Sink):
    def __init__(self, where: str) -> None:
        self.where = where

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        if self.where == "open":
            raise ValueError("on purpose")
        return FailingWriter(self.where)


class FailingWriter(SinkWriter):
    def __init__(self, where: str) -> None:
        self.where = where

    def write(self, value: Any, context: WriterContext) -> None:
        if self.where == "write":
            raise ValueError("on purpose")

    def flush(self, end_of_input: bool) -> None:
        if self.where == "finish":
            raise ValueError("on purpose")

    def close(self) -> None:
        if self.where == "close":
            raise ValueError("on purpose")


def _run(*specs: Any, **options: Any) -> FailureInfo:
    async def scenario() -> FailureInfo:
        harness = Harness(*specs, **options)
        end = await harness.run()
        assert end.state == "FAILED", end
        assert harness.state_names[-1:] == ["FAILED"]
        assert harness.state_names.count("FAILED") == 1
        for writer in harness.writers:
            assert writer.closed
            assert not writer.finished
            assert writer.failed is not None
        assert not harness.section.active
        return end.failure

    return asyncio.run(scenario())


@pytest.mark.parametrize("inline", [False, True])
def test_a_failure_tells_everything(inline: bool) -> None:
    failure = _run(_SOURCE, MapSpec(lambda x: x), FlatMapSpec(_explode), SinkFunctionSpec(print), inline=inline)
    assert failure.kind == USER_CODE
    assert (failure.exception_type, failure.message) == ("ValueError", "bad value 2")
    assert (failure.operator_name, failure.operator_id, failure.phase) == ("op2", f"{2:032x}", "flat_map")
    assert (failure.subtask_index, failure.parallelism, failure.attempt_number) == (1, 2, 3)
    assert failure.record == "2"
    assert failure.user_file == __file__
    assert failure.user_line == _EXPLODE_LINE
    assert failure.task_name == "chain (2/2)"
    assert failure.vertex_id == "v"
    assert failure.task_manager == "tm @ host (pid 1)"
    assert failure.timestamp_ms == 1234
    assert "engine frames ...]" in failure.user_traceback
    assert "millstream" not in failure.user_traceback
    assert 'raise ValueError(f"bad value {value}")' in failure.user_traceback
    assert "chain_node.py" in failure.full_traceback
    assert f"{__file__}:{_EXPLODE_LINE}" in first_line(failure)


def test_an_inlined_function_still_shows_its_own_line() -> None:
    failure = _run(SourceSpec(ListSource([[1, "x"]])), MapSpec(lambda x: x * 2 + 1), PrintSinkSpec())
    assert (failure.exception_type, failure.record, failure.phase) == ("TypeError", "'x'", "map")
    assert failure.user_file == __file__
    assert "lambda x: x * 2 + 1" in failure.user_traceback


@pytest.mark.parametrize("phase", ["open", "map", "close"])
@pytest.mark.parametrize("error", [ValueError("on purpose"), StopIteration("stop"), SystemExit(3), KeyError("k")])
def test_every_exception_in_every_phase_of_a_map(phase: str, error: BaseException) -> None:
    failure = _run(_SOURCE, MapSpec(lambda x: x), MapSpec(Fails(phase, error)), outputs=1)
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op2", phase)
    assert failure.exception_type == type(error).__name__
    assert failure.record == ("1" if phase == "map" else "")
    assert failure.user_file == __file__


@pytest.mark.parametrize(
    ("spec", "phase"),
    [
        (FilterSpec(Fails("filter")), "filter"),
        (FlatMapSpec(Fails("flat_map")), "flat_map"),
        (ReduceSpec(Fails("reduce"), lambda x: 0), "reduce"),
        (ReduceSpec(lambda a, b: a, Fails("key_by")), "key_by"),
        (ReduceSpec(Fails("open"), lambda x: 0), "open"),
        (MapSpec(Fails("map"), lambda x: 0), "map"),
        (MapSpec(Fails("nowhere"), Fails("key_by")), "key_by"),
        (SinkFunctionSpec(Fails("invoke")), "invoke"),
        (SinkFunctionSpec(Fails("open")), "open"),
        (SinkFunctionSpec(Fails("close")), "close"),
        (SinkSpec(FailingSink("open")), "open"),
        (SinkSpec(FailingSink("write")), "write"),
        (SinkSpec(FailingSink("finish")), "finish"),
        (SinkSpec(FailingSink("close")), "close"),
    ],
)
def test_every_kind_of_operator(spec: Any, phase: str) -> None:
    failure = _run(_SOURCE, spec)
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op1", phase)
    assert (failure.exception_type, failure.message) == ("ValueError", "on purpose")
    assert failure.user_file == __file__


@pytest.mark.parametrize("where", ["start", "poll", "wait_available", "close"])
def test_a_source_that_fails(where: str) -> None:
    failure = _run(SourceSpec(FailingSource(where)), outputs=1)
    expected = "open" if where == "start" else where
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op0", expected)
    assert failure.exception_type == ("StopIteration" if where == "poll" else "LookupError")


@pytest.mark.parametrize("error", [ValueError("on purpose"), StopIteration("x"), SystemExit(2)])
def test_a_legacy_source_that_fails(error: BaseException) -> None:
    failure = _run(LegacySourceSpec(FailingLegacy(error)), outputs=1)
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op0", "run")
    assert failure.exception_type == type(error).__name__
    assert failure.user_file.endswith("sources.py")


def test_a_sink_that_fails_ends_the_legacy_source_too() -> None:
    from tests.unit.taskmanager.task.sources import CountingLegacy

    failure = _run(LegacySourceSpec(CountingLegacy(10**12)), SinkFunctionSpec(Fails("invoke")))
    assert (failure.operator_name, failure.phase) == ("op1", "invoke")


def test_a_missing_module_says_what_to_do() -> None:
    payload = b"cmodule_that_nobody_has\nfunction\n."
    failure = _run(_SOURCE, MapSpec(str), payloads={1: payload}, outputs=1)
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op1", "load")
    assert "'module_that_nobody_has'" in failure.message
    assert "-pyfs" in failure.message


@pytest.mark.parametrize(
    ("payload", "text"), [(b"cos\nno_such_function\n.", "no_such_function"), (b"garbage", "cannot be loaded")]
)
def test_a_payload_that_cannot_be_loaded(payload: bytes, text: str) -> None:
    failure = _run(_SOURCE, MapSpec(str), payloads={1: payload})
    assert text in failure.message


def test_a_spec_of_no_known_kind() -> None:
    assert "no operator runs" in _run(_SOURCE, 5).message


def _partitioner_error() -> BaseException:
    try:
        _explode(2)
    except ValueError as cause:
        try:
            raise PartitionerFunctionError("get_key", 2, cause) from cause
        except PartitionerFunctionError as error:
            return error
    raise AssertionError


def _key_error(record_index: int) -> UnsupportedKeyTypeError:
    error = UnsupportedKeyTypeError([1])
    error.record_index = record_index
    return error


@pytest.mark.parametrize(
    ("error", "phase", "record"),
    [
        (_partitioner_error(), "key_by", "2"),
        (UnsupportedKeyTypeError([1]), "key_by", ""),
        (_key_error(0), "key_by", "'1'"),
        (RecordSerializationError("no"), "serialize", ""),
    ],
)
def test_failures_on_the_way_out(error: BaseException, phase: str, record: str) -> None:
    async def scenario() -> FailureInfo:
        harness = Harness(MapSpec(str), outputs=1, channels=1)
        create = harness.create_result_writer

        def create_failing(*arguments: Any) -> Any:
            writer = create(*arguments)
            writer.emit_error = error
            return writer

        harness.create_result_writer = create_failing  # type: ignore[method-assign, assignment]  # this once
        harness.gate.put(RecordBatch([1, 2]))
        return (await harness.run()).failure

    failure = asyncio.run(scenario())
    assert (failure.kind, failure.operator_name, failure.phase) == (USER_CODE, "op0", phase)
    assert failure.record == record
    if isinstance(error, PartitionerFunctionError):
        assert failure.user_line == _EXPLODE_LINE


def test_a_record_that_cannot_be_decoded() -> None:
    async def scenario() -> FailureInfo:
        harness = Harness(MapSpec(str), outputs=1, channels=1)
        harness.gate.put(ValueError("__setstate__"))
        return (await harness.run()).failure

    failure = asyncio.run(scenario())
    assert (failure.kind, failure.phase) == (USER_CODE, "deserialize")


# ---------------------------------------------------------------- the description by itself


def test_the_repr_of_a_record_is_short_and_never_breaks() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    class Quits:
        def __repr__(self) -> str:
            raise SystemExit(1)

    class Long:
        def __repr__(self) -> str:
            return "x\n" * 1000

    assert short_repr(("a", 1)) == "('a', 1)"
    assert short_repr(Broken()).startswith("<Broken instance at")
    assert "whose __repr__ raised SystemExit" in short_repr(Quits())
    table = dict.fromkeys(range(1000), "b" * 1000)
    for large in (list(range(10**6)), "a" * 10**6, table, Long(), [[["c" * 500]] * 50]):
        assert len(short_repr(large)) <= 200
    assert "\n" not in short_repr(Long())


def _failure(error: BaseException) -> FailureInfo:
    site = FailureSite(OperatorInfo("op"), "map", NO_RECORD)
    return build_failure(UserCodeError(site, error), TaskInfo(), 0)


def test_causes_are_shown() -> None:
    def fails() -> None:
        try:
            _explode(2)
        except ValueError as error:
            raise KeyError("outer") from error

    with pytest.raises(KeyError) as caught:
        fails()
    failure = _failure(caught.value)
    for text in (failure.user_traceback, failure.full_traceback):
        assert text.index("ValueError: bad value 2") < text.index("direct cause") < text.index("KeyError: 'outer'")


def test_a_broken_str_of_an_exception_is_survived() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(Odd) as caught:
        raise Odd
    failure = _failure(caught.value)
    assert "__str__ raised RuntimeError" in failure.message
    assert failure.exception_type.endswith("Odd")


def test_the_users_frame_is_found_below_a_library() -> None:
    import json

    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    failure = _failure(caught.value)
    assert failure.user_file == __file__
    assert "json" in failure.user_traceback


def test_an_exception_without_a_traceback() -> None:
    failure = _failure(ValueError("never raised"))
    assert failure.message == "never raised"
    assert failure.user_file == ""


def test_the_engines_own_errors_are_not_the_users() -> None:
    failure = build_failure(RuntimeError("bug"), TaskInfo(task_name="t"), 0)
    assert (failure.kind, failure.operator_name) == ("ENGINE", "")
    assert build_failure(PayloadError("module"), TaskInfo(), 0).kind == USER_CODE


def test_specs_survive_their_pickle() -> None:
    assert cloudpickle.loads(cloudpickle.dumps(_SOURCE)).source.batches == [[1, 2, 3]]


def test_text_that_no_message_can_hold_is_escaped() -> None:
    def opens(name: str) -> None:
        raise FileNotFoundError(f"no file {name}")

    with pytest.raises(FileNotFoundError) as caught:
        opens("caf\udce9")
    failure = _failure(caught.value)
    assert failure.message == "no file caf\\udce9"
    assert "caf\\udce9" in failure.user_traceback
    assert FailureInfo.FromString(failure.SerializeToString()) == failure


def test_a_huge_message_keeps_its_ends_only() -> None:
    failure = _failure(ValueError("begin" + "x" * 5_000_000 + "end"))
    assert failure.message.startswith("begin")
    assert failure.message.endswith("end")
    assert failure.ByteSize() < 300_000


def test_a_recursion_is_shown_once() -> None:
    def recurs(value: int) -> int:
        return recurs(value)

    with pytest.raises(RecursionError) as caught:
        recurs(1)
    failure = _failure(caught.value)
    assert failure.user_traceback.count("in recurs") < 10
    assert "[Previous line repeated " in failure.user_traceback


def test_an_engine_line_is_never_called_the_users() -> None:
    with pytest.raises(TypeError) as caught:
        Types.ROW([Types.INT()]).to_internal_type(5)
    engine = caught.value.with_traceback(caught.tb.tb_next)
    assert not _failure(engine).user_file
