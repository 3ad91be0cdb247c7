"""Cancel, stop, drain and savepoint, asked for in every state of a job: carried out, or refused in words."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration
from millstream.common.errors import JobCancelledError, MillstreamError, SavepointError
from millstream.common.states import JobStatus
from millstream.datastream.functions import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    MapFunction,
    RuntimeContext,
)
from millstream.testing.process_cluster import eventually
from tests.chaos import checked, program
from tests.chaos.checked import CheckedStreams
from tests.cluster.checked_job import Jobs, local, until_running, until_status

SLOTS = 2
State = Literal["waits for slots", "opening", "running", "restarting", "in a checkpoint", "finishing", "finished"]
STATES: tuple[State, ...] = (
    "waits for slots",
    "opening",
    "running",
    "restarting",
    "in a checkpoint",
    "finishing",
    "finished",
)
Action = Literal["SAVEPOINT", "CANCEL", "STOP", "DRAIN"]
ACTIONS: tuple[Action, ...] = ("SAVEPOINT", "CANCEL", "STOP", "DRAIN")


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
    settings = Configuration.from_map({"slot.request.timeout": "60 s"})
    with MiniCluster(slots_per_task_manager=SLOTS, isolation="thread", configuration=settings) as started:
        yield started


class Holds(MapFunction, CheckpointedFunction):
    """Holds its job in a state until a file lets it go."""

    def __init__(self, directory: Path, state: State) -> None:
        self.directory = str(directory)
        self.state = state

    def open(self, runtime_context: RuntimeContext) -> None:
        self.attempt = runtime_context.get_attempt_number()
        if self.state == "opening":
            self.hold()

    def map(self, value: Any) -> Any:
        if self.state == "restarting" and self.attempt == 0:
            raise ValueError("fails so that there is a restart")
        return value

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        pass

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        ending = Path(self.directory, "hurry").exists()
        if self.state == "in a checkpoint" or (self.state == "finishing" and ending):
            self.hold()

    def hold(self) -> None:
        Path(self.directory, "holding").touch()
        while not Path(self.directory, "let go").exists():
            time.sleep(0.005)


class Held:
    """A job in a state."""

    def __init__(self, cluster: MiniCluster, directory: Path, state: State) -> None:
        self.directory = directory
        self.state = state
        streams = CheckedStreams(
            directory, count=500, through=lambda events: events.map(Holds(directory, state)).name("holds")
        )
        self.jobs = Jobs(cluster, streams, {"restart-strategy.fixed-delay.delay": "2 s"})
        self.job: RpcJobClient = self.jobs.start(SLOTS + 1 if state == "waits for slots" else SLOTS)
        self._reach()

    def _reach(self) -> None:
        if self.state in ("finishing", "finished"):
            until_running(self.job)
            self.jobs.streams.hurry.touch()
        if self.state in ("opening", "in a checkpoint", "finishing"):
            eventually((self.directory / "holding").exists, f"the job is {self.state}")
        elif self.state == "waits for slots":
            until_status(self.job, JobStatus.CREATED, JobStatus.RUNNING)
        elif self.state == "running":
            until_running(self.job)
        elif self.state == "restarting":
            until_status(self.job, JobStatus.RESTARTING)
        else:
            until_status(self.job, JobStatus.FINISHED)

    def let_go(self) -> None:
        (self.directory / "let go").touch()

    @property
    def can_go_on(self) -> bool:
        return self.state != "waits for slots"

    def end(self) -> None:
        """The job's output is right, or it never had a chance of one."""
        self.let_go()
        if self.can_go_on:
            self.jobs.finish(self.job)
        else:
            self.job.cancel()
            until_status(self.job, JobStatus.CANCELED)


@pytest.fixture(autouse=True)
def _slots_come_back(cluster: MiniCluster) -> Iterator[None]:
    yield
    eventually(lambda: cluster.client.overview().slots_available == SLOTS, "all slots are free again")


def cancel(job: RpcJobClient, ended: JobStatus) -> None:
    """Cancel a job. What has ended otherwise cannot be cancelled."""
    if ended is JobStatus.CANCELED:
        job.cancel()
    else:
        with pytest.raises(MillstreamError, match="has already reached another terminal state"):
            job.cancel()


@pytest.mark.parametrize("state", STATES)
def test_cancel(cluster: MiniCluster, tmp_path: Path, state: State) -> None:
    held = Held(cluster, tmp_path, state)
    ended = JobStatus.FINISHED if state == "finished" else JobStatus.CANCELED
    for _ in range(2):
        cancel(held.job, ended)
    held.let_go()
    until_status(held.job, ended)
    cancel(held.job, ended)
    for action in ACTIONS:
        with pytest.raises(MillstreamError, match=f"is {ended.value}: it does not run"):
            held.job.begin_savepoint(action)
    assert held.job.get_job_status() is ended
    savepoints = tmp_path / "savepoints"
    assert not savepoints.exists() or list(savepoints.iterdir()) == []


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", ["waits for slots", "opening", "restarting", "finished"])
def test_what_cannot_be_saved_now_says_so_and_goes_on(
    cluster: MiniCluster, tmp_path: Path, state: State, action: Action
) -> None:
    held = Held(cluster, tmp_path, state)
    for _ in range(2):
        with pytest.raises(MillstreamError, match=r"there can be no savepoint now: |is FINISHED: it does not run"):
            held.job.await_operation(held.job.begin_savepoint(action))
    held.end()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", ["running", "in a checkpoint", "finishing"])
def test_what_can_be_saved_is_and_the_next_job_goes_on_there(
    cluster: MiniCluster, tmp_path: Path, state: State, action: Action
) -> None:
    held = Held(cluster, tmp_path, state)
    request = held.job.begin_savepoint(action)
    again = held.job.begin_savepoint(action)
    held.let_go()
    try:
        path = held.job.await_operation(request).location
    except SavepointError as error:
        # The job's own end may be faster, and then it has nothing to go on with.
        assert state == "finishing" and "the job has ended (FINISHED)" in str(error), error  # noqa: PT017, PT018
        held.jobs.finish(held.job)
        return
    assert (local(path) / "_metadata").is_file()
    if action == "SAVEPOINT":
        try:
            assert (local(held.job.await_operation(again).location) / "_metadata").is_file()
        except SavepointError as error:
            # The job does not wait for it with its end.
            assert state == "finishing" and "the job has ended (FINISHED)" in str(error), error  # noqa: PT017, PT018
        held.jobs.finish(held.job)
        return
    with pytest.raises(SavepointError, match=r"is being stopped with savepoint|has ended"):
        held.job.await_operation(again)
    if action == "CANCEL":
        with pytest.raises(JobCancelledError):
            held.job.get_job_execution_result()
        held.jobs.finish(held.jobs.start(SLOTS, path))
    elif action == "STOP":
        held.job.get_job_execution_result()
        held.jobs.finish(held.jobs.start(SLOTS, path))
    else:
        held.job.get_job_execution_result()
        assert checked.violations(tmp_path) == []


def test_a_savepoint_of_a_job_that_is_cancelled_meanwhile_leaves_nothing(cluster: MiniCluster, tmp_path: Path) -> None:
    held = Held(cluster, tmp_path, "in a checkpoint")
    request = held.job.begin_savepoint("SAVEPOINT")
    held.job.cancel()
    held.let_go()
    until_status(held.job, JobStatus.CANCELED)
    with pytest.raises(MillstreamError, match=r"ended|given up"):
        held.job.await_operation(request)
    eventually(lambda: list((tmp_path / "savepoints").iterdir()) == [], "what was written is deleted")
