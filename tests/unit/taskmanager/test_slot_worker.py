"""A slot worker from its first command to its end."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import pickle
import sys
import textwrap
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.common.clock import SystemClock
from millstream.common.graph.operator_spec import (
    CollectSinkSpec,
    MapSpec,
    PartitionerSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.common.wire.cluster_pb2 import JobInformation, NotifyCheckpointRequest, TriggerTaskCheckpointRequest
from millstream.common.wire.graph_pb2 import (
    Artifact,
    ChainInput,
    InputChannelDeployment,
    InputGateDeployment,
    JobEdge,
    JobVertex,
    OperatorNode,
    Partitioner,
    ResultPartitionDeployment,
    TaskDeployment,
)
from millstream.common.wire.worker_pb2 import (
    CancelTask,
    PrepareSlot,
    RunTasks,
    StopWorker,
    WorkerCommand,
    WorkerEvent,
    WorkerOperatorRequest,
)
from millstream.taskmanager.slot_worker import SlotWorker
from tests.unit.taskmanager.task.sources import EndlessSource, HeavySource, ListSource
from tests.unit.taskmanager.task.support import until

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def _remember(value: Any) -> None:
    SEEN.append(value)


class Driver:
    """A worker, and what it said."""

    def __init__(self) -> None:
        self.events: list[WorkerEvent] = []
        self.worker = SlotWorker(self.events.append, SystemClock())

    async def prepare(self, settings: dict[str, str] | None = None, **job: Any) -> WorkerEvent:
        command = PrepareSlot(
            job=JobInformation(job_id="j", data_secret=b"s" * 32, **job),
            allocation_id="mine",
            task_manager_id="tm-1",
            data_bind_host="127.0.0.1",
            data_host="example",
            configuration=settings or {},
        )
        await self.worker.handle(WorkerCommand(prepare=command))
        return self.events[-1]

    async def run(self, *tasks: TaskDeployment) -> None:
        await self.worker.handle(WorkerCommand(run=RunTasks(tasks=tasks)))

    async def cancel(self, attempt_id: str) -> None:
        await self.worker.handle(WorkerCommand(cancel=CancelTask(attempt_id=attempt_id)))

    async def request(self, attempt_id: str, operator_id: str, payload: bytes) -> Any:
        request = WorkerOperatorRequest(request_id=7, attempt_id=attempt_id, operator_id=operator_id, payload=payload)
        await self.worker.handle(WorkerCommand(operator_request=request))
        response = self.events[-1].operator_response
        assert response.request_id == 7
        return response

    def states(self, attempt_id: str) -> list[str]:
        return [event.task_state.state for event in self.events if event.task_state.attempt_id == attempt_id]

    def failure(self, attempt_id: str) -> Any:
        return next(
            event.task_state.failure
            for event in self.events
            if event.task_state.attempt_id == attempt_id and event.task_state.state == "FAILED"
        )

    async def until_state(self, attempt_id: str, state: str) -> None:
        await until(lambda: state in self.states(attempt_id))


@asynccontextmanager
async def _driver() -> AsyncIterator[Driver]:
    driver = Driver()
    try:
        yield driver
    finally:
        await driver.worker.close()
        await driver.worker.close()


def _operators(*specs: Any) -> list[OperatorNode]:
    return [
        OperatorNode(
            operator_id=f"{index:032x}",
            name=f"op{index}",
            spec=cloudpickle.dumps(spec),
            inputs=[ChainInput(parent=index - 1)] if index else [],
        )
        for index, spec in enumerate(specs)
    ]


def _task(attempt_id: str, *specs: Any, **fields: Any) -> TaskDeployment:
    vertex = JobVertex(id=attempt_id, name=attempt_id, parallelism=1, max_parallelism=128, operators=_operators(*specs))
    return TaskDeployment(job_id="j", vertex=vertex, attempt_id=attempt_id, allocation_id="mine", **fields)


def _artifact(name: str, kind: str, content: bytes) -> Artifact:
    return Artifact(name=name, kind=kind, content=content, sha256=hashlib.sha256(content).hexdigest())


def test_a_keyed_job_of_two_tasks_over_the_real_data_plane() -> None:
    words = [f"word{number * number % 17}" for number in range(5_000)]

    async def scenario() -> None:
        async with _driver() as driver:
            event = await driver.prepare()
            assert event.prepared.data_port > 0
            assert event.prepared.pid == os.getpid()
            edge = JobEdge(
                edge_id="edge",
                source_vertex="read",
                target_vertex="count",
                source_operator=1,
                partitioner=Partitioner(
                    kind="HASH", spec=cloudpickle.dumps(PartitionerSpec(key_selector=lambda pair: pair[0]))
                ),
                buffer_timeout_ms=100,
            )
            output = ResultPartitionDeployment(
                edge=edge,
                subpartitions=1,
                consumer_subtasks=[0],
                consumer_parallelism=1,
                consumer_max_parallelism=128,
                consumer_allocations=["mine"],
            )
            channel = InputChannelDeployment(producer_attempt_id="read", producer_allocation_id="mine")
            await driver.run(
                _task(
                    "count",
                    ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), lambda pair: pair[0]),
                    SinkFunctionSpec(_remember),
                    inputs=[InputGateDeployment(edge=edge, channels=[channel])],
                ),
                _task(
                    "read",
                    SourceSpec(ListSource([words[i : i + 100] for i in range(0, len(words), 100)])),
                    MapSpec(lambda word: (word, 1)),
                    outputs=[output],
                ),
            )
            await driver.until_state("count", "FINISHED")
            await driver.until_state("read", "FINISHED")
            assert len(SEEN) == len(words)
            assert dict(SEEN) == Counter(words)
            assert driver.states("read") == ["INITIALIZING", "RUNNING", "FINISHED"]
            end = next(
                e.task_state
                for e in driver.events
                if e.task_state.attempt_id == "count" and e.task_state.state == "FINISHED"
            )
            assert end.metrics.records_in == len(words)

    asyncio.run(scenario())


def test_two_tasks_and_a_later_attempt_in_one_worker() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(_task("a", SourceSpec(EndlessSource()), SinkFunctionSpec(lambda _: None)))
            await driver.run(_task("b", SourceSpec(ListSource([[1]])), SinkFunctionSpec(_remember)))
            await driver.run(_task("a", SourceSpec(EndlessSource())))  # known: ignored
            await driver.until_state("b", "FINISHED")
            await driver.cancel("a")
            await driver.until_state("a", "CANCELED")
            await driver.cancel("a")
            await driver.cancel("unknown")
            await driver.run(_task("a2", SourceSpec(ListSource([[2]])), SinkFunctionSpec(_remember)))
            await driver.until_state("a2", "FINISHED")
            assert SEEN == [1, 2]
            assert driver.states("a") == ["INITIALIZING", "RUNNING", "CANCELED"]

    asyncio.run(scenario())


def test_stopping_cancels_what_runs() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(_task("a", SourceSpec(EndlessSource()), SinkFunctionSpec(lambda _: None)))
            await driver.until_state("a", "RUNNING")
            await driver.worker.handle(WorkerCommand(stop=StopWorker()))
            assert driver.states("a")[-1] == "CANCELED"
            await driver.run(_task("b", SourceSpec(EndlessSource())))
            assert driver.states("b") == ["FAILED"]

    asyncio.run(scenario())


def test_failures_say_where_they_happened() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(
                _task("a", SourceSpec(ListSource([[1]])), MapSpec(lambda x: x / 0), SinkFunctionSpec(print))
            )
            await driver.until_state("a", "FAILED")
            failure = driver.failure("a")
            assert failure.task_manager == f"tm-1 @ example (pid {os.getpid()})"
            assert (failure.operator_name, failure.record) == ("op1", "1")

    asyncio.run(scenario())


def test_tasks_before_the_preparation_fail() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.run(_task("a", SourceSpec(ListSource([[1]]))))
            assert driver.states("a") == ["FAILED"]
            assert "prepared" in driver.failure("a").message
            await driver.worker.handle(WorkerCommand())

    asyncio.run(scenario())


def test_a_checkpoint_of_a_task_that_does_not_run_is_declined() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            request = TriggerTaskCheckpointRequest(attempt_ids=["a", "b"], checkpoint_id=3)
            await driver.worker.handle(WorkerCommand(trigger_checkpoint=request))
            declines = [event.decline for event in driver.events if event.HasField("decline")]
            assert [(decline.attempt_id, decline.checkpoint_id) for decline in declines] == [("a", 3), ("b", 3)]
            assert "task attempt a does not run" in declines[0].failure.message
            notice = NotifyCheckpointRequest(attempt_ids=["a"], checkpoint_id=3, completed=True)
            await driver.worker.handle(WorkerCommand(notify_checkpoint=notice))
            assert len(driver.events) == 3

    asyncio.run(scenario())


def test_a_checkpoint_goes_through_the_tasks_and_comes_back_as_events() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(_task("a", SourceSpec(EndlessSource()), SinkFunctionSpec(_remember)))
            await driver.until_state("a", "RUNNING")
            options = CheckpointOptions(kind="CHECKPOINT", alignment="ALIGNED", format="NATIVE")
            request = TriggerTaskCheckpointRequest(attempt_ids=["a"], checkpoint_id=3, options=options)
            await driver.worker.handle(WorkerCommand(trigger_checkpoint=request))
            await until(lambda: any(event.HasField("acknowledge") for event in driver.events))
            acknowledgement = driver.events[-1].acknowledge
            assert (acknowledgement.attempt_id, acknowledgement.checkpoint_id) == ("a", 3)

    asyncio.run(scenario())


def test_a_snapshot_that_is_too_large_for_a_message_is_declined_and_says_what_to_set() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare({"pekko.framesize": "8 kb"})
            await driver.run(_task("a", SourceSpec(HeavySource()), SinkFunctionSpec(_remember)))
            await driver.until_state("a", "RUNNING")
            options = CheckpointOptions(kind="CHECKPOINT", alignment="ALIGNED", format="NATIVE")
            request = TriggerTaskCheckpointRequest(attempt_ids=["a"], checkpoint_id=3, options=options)
            await driver.worker.handle(WorkerCommand(trigger_checkpoint=request))
            await until(lambda: any(event.HasField("decline") for event in driver.events))
            failure = driver.events[-1].decline.failure
            assert failure.exception_type == "SnapshotTooLargeError"
            assert "8,192 bytes, pekko.framesize" in failure.message
            assert "execution.checkpointing.dir" in failure.message

    asyncio.run(scenario())


def test_a_second_preparation_gives_up_the_slot() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            assert (await driver.prepare()).failed.failure.message

    asyncio.run(scenario())


def test_metrics_come_while_they_change_and_not_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millstream.taskmanager.slot_worker._METRICS_INTERVAL_S", 0.01)

    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(_task("a", SourceSpec(ListSource([[1, 2]], endless=True)), SinkFunctionSpec(_remember)))

            def reported() -> list[Any]:
                return [m for e in driver.events for m in e.metrics.tasks if m.metrics.operator_records_out["op0"] == 2]

            await until(reported)
            assert reported()[0].attempt_id == "a"
            count = len(reported())
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert len(reported()) <= count + 1

    asyncio.run(scenario())


def test_operator_requests_are_answered() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(_task("a", SourceSpec(ListSource([["x", "y"]])), CollectSinkSpec()))
            await driver.until_state("a", "RUNNING")
            operator = f"{1:032x}"
            response = await driver.request("a", operator, (0).to_bytes(8, "big") + b"a")
            assert pickle.loads(response.payload) == ("a", 0, ["x", "y"], True, 2)
            assert "no operator" in (await driver.request("a", "0" * 31 + "9", b"")).error
            assert "does not run here" in (await driver.request("zzz", operator, b"")).error
            assert "8 bytes" in (await driver.request("a", operator, b"")).error
            await driver.request("a", operator, (2).to_bytes(8, "big") + b"a")
            await driver.until_state("a", "FINISHED")

    asyncio.run(scenario())


_MODULE = textwrap.dedent(
    """
    def shout(value):
        return value.upper()
    """
).encode()


def _zipped(name: str) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, _MODULE)
    return data.getvalue()


def _by_name(module: str) -> bytes:
    """Pickle of a MapSpec that refers to ``shout`` of a module that only the worker will have."""
    spec = cloudpickle.dumps(MapSpec(len), protocol=0)
    assert b"c__builtin__\nlen\n" in spec or b"cbuiltins\nlen\n" in spec
    reference = f"c{module}\nshout\n".encode()
    return bytes(spec.replace(b"c__builtin__\nlen\n", reference).replace(b"cbuiltins\nlen\n", reference))


def _files(directory: Path) -> list[Path]:
    """The job's own."""
    found = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path for path in found if path.name != "owner.lock"]


@pytest.mark.parametrize(
    "artifact",
    [
        _artifact("millstream_test_artifact.py", "py", _MODULE),
        _artifact("/etc/../tmp/millstream_test_artifact.py", "py", _MODULE),
        _artifact("deps 1.zip", "zip", _zipped("millstream_test_artifact.py")),
    ],
)
def test_the_jobs_files_can_be_imported_and_are_gone_afterwards(artifact: Artifact, tmp_path: Path) -> None:
    before = list(sys.path)

    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare(artifacts=[artifact], configuration={"io.tmp.dirs": str(tmp_path)})
            assert driver.events[-1].WhichOneof("event") == "prepared", driver.events[-1]
            task = _task("a", SourceSpec(ListSource([["hello"]])), MapSpec(len), SinkFunctionSpec(_remember))
            task.vertex.operators[1].spec = _by_name("millstream_test_artifact")
            await driver.run(task)
            await driver.until_state("a", "FINISHED")
            assert SEEN == ["HELLO"]
            assert [path.parent.name for path in _files(tmp_path)] == ["0"]

    try:
        asyncio.run(scenario())
    finally:
        sys.modules.pop("millstream_test_artifact", None)
    assert sys.path == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("artifact", "text"),
    [
        (Artifact(name="a.py", kind="py", content=b"x", sha256="0" * 64), "'a.py' is damaged"),
        (Artifact(name="a.py", kind="py", content=b"x"), "'a.py' is damaged"),
        (_artifact("a.exe", "exe", b"x"), "kind that is not known: 'exe'"),
    ],
)
def test_a_broken_artifact_gives_up_the_slot(artifact: Artifact, text: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            event = await driver.prepare(artifacts=[artifact], configuration={"io.tmp.dirs": str(tmp_path)})
            assert text in event.failed.failure.message

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_a_bad_setting_gives_up_the_slot() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            event = await driver.prepare(configuration={"taskmanager.memory.segment-size": "much"})
            assert "segment-size" in event.failed.failure.message

    asyncio.run(scenario())


def test_python_path_entries_come_first_and_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare(python_path=[str(tmp_path)])
            assert sys.path[0] == str(tmp_path)

    asyncio.run(scenario())
    assert str(tmp_path) not in sys.path


def test_the_collector_is_tuned_while_the_worker_lives() -> None:
    before = gc.get_threshold()

    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            assert gc.get_threshold()[0] > before[0]
            assert gc.isenabled()

    asyncio.run(scenario())
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def _raises(message: str) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        raise ValueError(message)

    return function


def test_one_failing_task_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        async with _driver() as driver:
            await driver.prepare()
            await driver.run(
                _task("bad", SourceSpec(ListSource([[1]])), SinkFunctionSpec(_raises("no"))),
                _task("good", SourceSpec(EndlessSource()), SinkFunctionSpec(lambda _: None)),
            )
            await driver.until_state("bad", "FAILED")
            await driver.until_state("good", "RUNNING")
            assert driver.states("good") == ["INITIALIZING", "RUNNING"]

    asyncio.run(scenario())
