"""What a user's own code does wrong at each place where it is called: told in one line, and survived if it may be.

Failures, and functions that take their time or never come back while a checkpoint is due.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.errors import SavepointError
from millstream.common.failure import USER_CODE, first_line
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    CheckpointedFunction,
    CheckpointListener,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
    SinkContext,
    TwoPhaseCommitSinkFunction,
)
from millstream.testing.process_cluster import eventually
from tests.chaos import checked, program
from tests.chaos.checked import CheckedStreams, key_of
from tests.cluster.checked_job import Jobs, failure_of, until_checkpoints, until_running, until_status
from tests.cluster.random_configuration import random_configuration

HOOKS = [
    "open",
    "process_element",
    "on_timer",
    "snapshot_state",
    "initialize_state",
    "notify_checkpoint_complete",
    "close",
]
SINK_HOOKS = ["begin_transaction", "invoke", "pre_commit", "commit"]


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    modules = [sys.modules[each.__name__] for each in (program, checked)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=2, isolation="thread") as started:
        yield started


class Trap:
    """Fails in one hook, once in all attempts of all subtasks.

    :param after_restart: the hook is one of those at the begin of an attempt, so there is a failure before.
    """

    def __init__(self, directory: Path, hook: str, *, after_restart: bool = False) -> None:
        self.directory = str(directory)
        self.hook = hook
        self.after_restart = after_restart

    def spring(self, hook: str) -> None:
        if self.after_restart and not self._mark("before").exists():
            if hook in ("process_element", "invoke") and self._touch("before"):
                raise ValueError(f"{hook} fails so that there is a restart")
        elif hook == self.hook and self._touch("sprung"):
            raise ValueError(f"{hook} fails on purpose")

    @property
    def sprung(self) -> bool:
        return self._mark("sprung").exists()

    def _touch(self, name: str) -> bool:
        try:
            self._mark(name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _mark(self, name: str) -> Path:
        return Path(self.directory, name)


class Trapped(KeyedProcessFunction, CheckpointedFunction, CheckpointListener):
    """Passes events on, with a trap in every hook; those of the work wait for a complete checkpoint."""

    def __init__(self, trap: Trap, *, at_once: bool = False) -> None:
        self.trap = trap
        self.completed = 1 if at_once else 0

    def open(self, runtime_context: RuntimeContext) -> None:
        self.trap.spring("open")

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self.trap.spring("initialize_state")

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        if self.completed:
            self.trap.spring("process_element")
            ctx.timer_service().register_processing_time_timer(0)
        yield value

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        self.trap.spring("on_timer")
        return iter(())

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        self.trap.spring("snapshot_state")

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self.completed += 1
        self.trap.spring("notify_checkpoint_complete")

    def close(self) -> None:
        if self.completed:
            self.trap.spring("close")


class TrappedSink(TwoPhaseCommitSinkFunction):
    """Transactions are files that are written under one name and committed to another, with a trap in every hook."""

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self.directory = trap.directory
        self.file: Any = None

    def begin_transaction(self) -> str:
        import uuid

        self.trap.spring("begin_transaction")
        name = f"{uuid.uuid4()}"
        Path(self.directory, "output").mkdir(exist_ok=True)
        self.file = open(Path(self.directory, "output", f".{name}"), "w")  # noqa: SIM115  # closed in pre_commit
        return name

    def invoke(self, transaction: str, value: Any, context: SinkContext) -> None:  # type: ignore[override]  # as Flink's
        self.file.write(f"{value}\n")
        self.trap.spring("invoke")

    def pre_commit(self, transaction: str) -> None:
        self.file.close()
        self.trap.spring("pre_commit")

    def commit(self, transaction: str) -> None:
        self.trap.spring("commit")
        begun = Path(self.directory, "output", f".{transaction}")
        if begun.exists():
            begun.rename(Path(self.directory, "output", transaction))

    def abort(self, transaction: str) -> None:
        if self.file is not None:
            self.file.close()
        Path(self.directory, "output", f".{transaction}").unlink(missing_ok=True)


def trapped_streams(directory: Path, trap: Trap, *, at_once: bool = False) -> CheckedStreams:
    def through(events: Any) -> Any:
        return events.key_by(key_of).process(Trapped(trap, at_once=at_once)).uid("trap").name("trap")

    sink = TrappedSink(trap) if trap.hook in SINK_HOOKS else None
    return CheckedStreams(directory, through=through, sink=sink)


def _cases() -> list[tuple[str, str, bool]]:
    every = list(itertools.product([*HOOKS, *SINK_HOOKS], ["hashmap", "rocksdb"], [False, True]))
    # By default each hook once; backend and alignment take turns.
    return (
        every if os.environ.get("MILLSTREAM_ALL_CASES") else [every[4 * at + at % 4] for at in range(len(every) // 4)]
    )


@pytest.mark.parametrize(("hook", "backend", "unaligned"), _cases())
def test_a_failure_in_any_hook_loses_and_repeats_nothing(
    cluster: MiniCluster, tmp_path: Path, hook: str, backend: str, unaligned: bool
) -> None:
    _, drawn = random_configuration(hook, unaligned=unaligned, backend=backend)
    begins = hook in ("open", "initialize_state", "begin_transaction")
    trap = Trap(tmp_path, hook, after_restart=begins)
    jobs = Jobs(cluster, trapped_streams(tmp_path, trap), drawn)
    job = jobs.start(2)
    if hook != "close":
        eventually(lambda: trap.sprung, f"{hook} fails")
    until_checkpoints(job, 1)
    jobs.finish(job)
    assert trap.sprung
    # A snapshot that fails is one checkpoint less, where that is tolerated, and a restart otherwise.
    assert job.get_job_details().restarts >= 1


@pytest.mark.parametrize("hook", [*HOOKS, *SINK_HOOKS])
def test_the_first_line_of_a_failed_job_is_the_users(cluster: MiniCluster, tmp_path: Path, hook: str) -> None:
    trap = Trap(tmp_path, hook)
    jobs = Jobs(cluster, trapped_streams(tmp_path, trap, at_once=True), {"restart-strategy.type": "none"})
    job = jobs.start(1)
    if hook == "close":
        jobs.streams.hurry.touch()
    failure = failure_of(job)
    assert failure.kind == USER_CODE
    line = first_line(failure)
    assert line.startswith(f"ValueError: {hook} fails on purpose | operator '"), line
    assert f"{Path(__file__).name}:" in line, line
    assert hook in line.split("|")[1] or hook in SINK_HOOKS, line
    assert bool(failure.record) == (hook in ("process_element", "on_timer", "invoke")), line


class Waits(MapFunction, CheckpointedFunction):
    """Waits in one place until a file says that it is enough; there, too, if the job is long gone."""

    def __init__(self, directory: Path, place: str) -> None:
        self.directory = str(directory)
        self.place = place
        self.seen = 0

    def map(self, value: Any) -> Any:
        self.seen += 1
        if self.place == "map" and self.seen == 50:
            self.wait()
        return value

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        pass

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        if self.place == "snapshot_state":
            self.wait()

    def wait(self) -> None:
        Path(self.directory, "waiting").touch()
        while not Path(self.directory, "enough").exists():
            time.sleep(0.005)


def waiting_job(cluster: MiniCluster, directory: Path, place: str, **settings: str) -> Jobs:
    streams = CheckedStreams(directory, through=lambda events: events.map(Waits(directory, place)).name("waits"))
    more = {key.replace("__", "."): value for key, value in settings.items()}
    return Jobs(cluster, streams, {"execution.checkpointing.timeout": "300 ms", **more})


@pytest.mark.parametrize("place", ["map", "snapshot_state"])
def test_a_function_that_does_not_come_back_costs_checkpoints_and_not_the_job(
    cluster: MiniCluster, tmp_path: Path, place: str
) -> None:
    tolerable = {"execution.checkpointing.tolerable-failed-checkpoints": "1000"}
    jobs = waiting_job(cluster, tmp_path, place, **tolerable)
    job = jobs.start(2)
    eventually((tmp_path / "waiting").exists, "the function waits")
    eventually(lambda: job.get_checkpoints().failed >= 2, "checkpoints that are given up")
    text = next(each.failure.message for each in job.get_checkpoints().history if each.status == "FAILED")
    assert "was not complete after 300 ms (execution.checkpointing.timeout)" in text
    assert "waits" in text
    before = job.get_checkpoints().completed
    (tmp_path / "enough").touch()
    until_checkpoints(job, before + 2)
    jobs.finish(job)
    assert job.get_job_details().restarts == 0


@pytest.mark.parametrize("place", ["map", "snapshot_state"])
def test_a_function_that_does_not_come_back_fails_the_job_if_that_is_not_tolerated(
    cluster: MiniCluster, tmp_path: Path, place: str
) -> None:
    jobs = waiting_job(cluster, tmp_path, place, **{"restart-strategy.type": "none"})
    job = jobs.start(1)
    until_status(job, JobStatus.FAILING, JobStatus.FAILED)
    (tmp_path / "enough").touch()
    line = first_line(failure_of(job))
    assert line.startswith("CheckpointException: checkpoint "), line
    assert "execution.checkpointing.timeout" in line
    assert "waits" in line


def test_a_savepoint_of_a_function_that_does_not_come_back_is_given_up(cluster: MiniCluster, tmp_path: Path) -> None:
    jobs = waiting_job(cluster, tmp_path, "snapshot_state", **{"execution.checkpointing.interval": "1 h"})
    job = jobs.start(2)
    until_running(job)
    with pytest.raises(SavepointError, match=r"was not complete after 300 ms .* waits"):
        job.trigger_savepoint()
    eventually(lambda: list((tmp_path / "savepoints").iterdir()) == [], "that nothing of it is left")
    (tmp_path / "enough").touch()
    job.trigger_savepoint()
    jobs.finish(job)
    assert job.get_job_details().restarts == 0
