"""Checkpoints, savepoints and other parallelisms of jobs that run: what clients see, and no record counts twice."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration
from millstream.common.errors import JobCancelledError, JobExecutionError, MillstreamError, SavepointError
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing import environment_for
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import program
from tests.chaos.monkey import committed_lines

COUNT = 12_000


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=4, isolation="thread") as started:
        yield started


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return program.expected_lines(COUNT)


class Run:
    """One job after another over the same output, each from where the last one was."""

    def __init__(self, cluster: MiniCluster | ProcessCluster, directory: Path, **settings: str) -> None:
        self.cluster = cluster
        self.directory = directory
        self.hurry = directory / "hurry"
        self.output = directory / "output"
        self.settings = {
            "execution.checkpointing.interval": "100 ms",
            "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
            "execution.checkpointing.savepoint-dir": (directory / "savepoints").as_uri(),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "3",
            "restart-strategy.fixed-delay.delay": "10 ms",
            **{key.replace("__", "."): value for key, value in settings.items()},
        }

    def start(self, parallelism: int, path: str = "", **more: str) -> RpcJobClient:
        settings = {**self.settings, **{key.replace("__", "."): value for key, value in more.items()}}
        if path:
            settings["execution.state-recovery.path"] = path
        configuration = Configuration.from_map(settings)
        if isinstance(self.cluster, MiniCluster):
            with environment_for(self.cluster, configuration) as env:
                return self._submit(env, parallelism)
        port = self.cluster.port
        return self._submit(
            StreamExecutionEnvironment.create_remote_environment("localhost", port, configuration=configuration),
            parallelism,
        )

    def _submit(self, env: StreamExecutionEnvironment, parallelism: int) -> RpcJobClient:
        program.build_job(env, COUNT, COUNT / 4, self.hurry, self.output, parallelism)
        return self.cluster.client.job(env.execute_async("sums and windows").get_job_id())

    def finish(self, job: RpcJobClient, expected: list[str]) -> None:
        self.hurry.touch()
        job.get_job_execution_result()
        assert committed_lines(self.output) == expected


def until_checkpoints(job: RpcJobClient, count: int) -> None:
    """Wait until so many checkpoints are complete."""
    eventually(lambda: job.get_checkpoints().completed >= count, f"{count} checkpoints", 30.0)


def until_running(job: RpcJobClient) -> None:
    def running() -> bool:
        details = job.get_job_details()
        return details.summary.state == "RUNNING" and details.task_counts["RUNNING"] == details.summary.tasks_total

    eventually(running, "all tasks run", 30.0)


def local(path: str) -> Path:
    return Path(path.removeprefix("file:"))


def test_a_job_takes_checkpoints_and_leaves_nothing_behind(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 3)
    report = job.get_checkpoints()
    assert report.enabled
    assert report.failed == 0
    assert report.latest_completed.status == "COMPLETED"
    assert local(report.latest_completed.external_path).parent == tmp_path / "checkpoints" / job.get_job_id()
    run.finish(job, expected)
    assert job.get_checkpoints().completed >= 3
    eventually(lambda: list((tmp_path / "checkpoints").iterdir()) == [], "the checkpoints are deleted")


def test_a_savepoint_is_the_begin_of_another_job_at_another_parallelism(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 1)
    path = job.cancel_with_savepoint(str(tmp_path / "elsewhere"))
    with pytest.raises(JobCancelledError):
        job.get_job_execution_result()
    assert local(path).parent == tmp_path / "elsewhere"
    assert local(path).name.startswith(f"savepoint-{job.get_job_id()[:6]}-")
    assert (local(path) / "_metadata").is_file()
    second = run.start(3, path)
    until_running(second)
    assert second.get_checkpoints().restored_path.endswith(local(path).name)
    run.finish(second, expected)
    assert (local(path) / "_metadata").is_file()
    cluster.client.dispose_savepoint(path)
    assert not local(path).exists()


def test_the_job_runs_on_after_a_savepoint(cluster: MiniCluster, tmp_path: Path, expected: list[str]) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_running(job)
    path = job.trigger_savepoint(format_name="NATIVE")
    assert local(path).parent == tmp_path / "savepoints"
    run.finish(job, expected)


def test_a_stopped_job_finishes_and_goes_on_from_its_savepoint(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 1)
    path = job.stop_with_savepoint(advance_to_end_of_event_time=False)
    assert job.get_job_execution_result().get_job_id() == job.get_job_id()
    run.finish(run.start(1, path), expected)


def test_a_drained_job_gives_all_results_of_what_it_has_read(cluster: MiniCluster, tmp_path: Path) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 1)
    path = job.stop_with_savepoint(advance_to_end_of_event_time=True)
    job.get_job_execution_result()
    lines = committed_lines(run.output)
    records = sum(int(line.split()[3]) for line in lines if line.startswith("window"))
    assert 0 < records < COUNT
    assert (local(path) / "_metadata").is_file()


def test_a_checkpoint_on_demand(cluster: MiniCluster, tmp_path: Path, expected: list[str]) -> None:
    run = Run(cluster, tmp_path, execution__checkpointing__interval="1 h")
    job = run.start(2)
    until_running(job)
    assert job.await_operation(job.begin_checkpoint(full=True)).checkpoint_id == 1
    assert job.await_operation(job.begin_checkpoint()).checkpoint_id == 2
    run.finish(job, expected)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 2)])
def test_a_running_job_changes_its_parallelism(
    cluster: MiniCluster, tmp_path: Path, expected: list[str], before: int, after: int
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(before)
    until_running(job)
    job.await_operation(job.begin_rescaling(after))
    assert {vertex.parallelism for vertex in job.get_job_details().vertices} == {after}
    until_running(job)
    assert job.get_job_details().restarts == 0
    run.finish(job, expected)


def test_each_vertex_of_a_running_job_gets_as_much_parallelism_as_it_may_have(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_running(job)
    vertices = job.get_job_details().vertices
    upper = {vertex.vertex_id: 1 if number == 0 else 9 for number, vertex in enumerate(vertices)}
    request = pb.UpdateResourceRequirementsRequest(
        job_id=job.get_job_id(),
        vertices={each: pb.VertexParallelism(lower_bound=1, upper_bound=most) for each, most in upper.items()},
    )
    cluster.client.call(lambda dispatcher: dispatcher.update_resource_requirements(request))

    def parallelisms() -> list[int]:
        return [vertex.parallelism for vertex in job.get_job_details().vertices]

    eventually(lambda: parallelisms() == [1] + [4] * (len(vertices) - 1), "the job runs within its bounds")
    assert {each.vertex_id: each.bounds.upper_bound for each in job.get_job_details().vertices} == upper
    until_running(job)
    dump = cluster.client.call(lambda dispatcher: dispatcher.request_metric_dump(pb.Empty()))
    (own,) = (group for group in dump.groups if group.variables["job_id"] == job.get_job_id())
    figures = {value.name: value.whole_number for value in own.metrics}
    assert figures["numberOfCompletedCheckpoints"] >= 1
    assert figures["uptime"] > 0
    run.finish(job, expected)


def test_a_parallelism_that_cannot_be_leaves_the_job_alone(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path)
    job = run.start(2)
    until_running(job)
    attempts = [subtask.attempt_id for vertex in job.get_job_details().vertices for subtask in vertex.subtasks]
    with pytest.raises(SavepointError, match="needs 9 slots for that, but it has 2 and the cluster 2 free"):
        job.await_operation(job.begin_rescaling(9))
    with pytest.raises(SavepointError, match="max parallelism"):
        job.await_operation(job.begin_rescaling(100_000))
    after = [subtask.attempt_id for vertex in job.get_job_details().vertices for subtask in vertex.subtasks]
    assert attempts == after
    run.finish(job, expected)


def test_a_retained_checkpoint_is_found_in_the_directory_of_the_job(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(
        cluster, tmp_path, **{"execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION"}
    )
    job = run.start(2)
    until_checkpoints(job, 2)
    job.cancel()
    eventually(lambda: job.get_job_status() is JobStatus.CANCELED, "the end of the job")
    run.finish(run.start(2, (tmp_path / "checkpoints" / job.get_job_id()).as_uri()), expected)


@pytest.mark.parametrize("kind", ["missing", "broken", "foreign"])
def test_a_snapshot_that_cannot_be_read_fails_the_job_before_any_task_runs(
    cluster: MiniCluster, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "savepoint"
    path.mkdir()
    if kind != "missing":
        (path / "_metadata").write_bytes(b"\x89MSTRM\r\n" if kind == "broken" else b"something else")
    job = Run(cluster, tmp_path).start(1, str(path))
    with pytest.raises(JobExecutionError, match=str(path)):
        job.get_job_execution_result()
    assert not job.get_job_details().vertices


def test_a_savepoint_needs_a_directory(cluster: MiniCluster, tmp_path: Path, expected: list[str]) -> None:
    run = Run(cluster, tmp_path)
    del run.settings["execution.checkpointing.savepoint-dir"]
    job = run.start(1)
    until_running(job)
    with pytest.raises(SavepointError, match=r"execution\.checkpointing\.savepoint-dir"):
        job.trigger_savepoint()
    run.finish(job, expected)


def test_what_is_no_savepoint_is_not_deleted(cluster: MiniCluster, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep me")
    with pytest.raises(MillstreamError, match="no checkpoint or savepoint"):
        cluster.client.dispose_savepoint(str(tmp_path))
    assert (tmp_path / "precious").exists()


def test_a_checkpoint_that_a_running_job_needs_is_not_deleted(
    cluster: MiniCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(cluster, tmp_path, execution__checkpointing__interval="1 h")
    job = run.start(1)
    until_running(job)
    path = job.await_operation(job.begin_checkpoint()).location
    with pytest.raises(MillstreamError, match="which runs and may have to begin"):
        cluster.client.dispose_savepoint(path)
    run.finish(job, expected)


# ---------------------------------------------------------------------------- real processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessCluster]:
    settings = {"heartbeat.interval": "300 ms", "heartbeat.timeout": "3 s"}
    with ProcessCluster(tmp_path / "cluster", task_managers=2, slots=2, settings=settings) as started:
        yield started


def until_restarted(job: RpcJobClient, times: int) -> None:
    eventually(lambda: job.get_job_details().restarts >= times, f"{times} restarts", 60.0)
    until_running(job)


def test_a_killed_worker_loses_and_repeats_nothing(
    processes: ProcessCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(processes, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 2)
    for pid in processes.worker_pids():
        processes.kill_worker(pid)
    until_restarted(job, 1)
    report = job.get_checkpoints()
    assert report.restored >= 1
    assert report.restored_checkpoint_id >= 2
    run.finish(job, expected)


def test_a_killed_task_manager_loses_and_repeats_nothing(
    processes: ProcessCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(processes, tmp_path)
    job = run.start(3)
    until_checkpoints(job, 2)
    processes.kill_task_manager(processes.live_task_managers()[0])
    processes.start_task_manager()
    until_restarted(job, 1)
    run.finish(job, expected)
    processes.wait_for_slots(4)


def test_a_frozen_task_manager_loses_and_repeats_nothing(
    processes: ProcessCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(processes, tmp_path)
    job = run.start(3)
    until_checkpoints(job, 2)
    frozen = processes.live_task_managers()[0]
    processes.freeze(frozen.pid)
    processes.start_task_manager()
    until_restarted(job, 1)
    processes.thaw(frozen.pid)
    run.finish(job, expected)
    processes.kill_task_manager(frozen)


def test_what_a_killed_master_leaves_behind_is_where_the_next_one_begins(
    processes: ProcessCluster, tmp_path: Path, expected: list[str]
) -> None:
    run = Run(processes, tmp_path)
    job = run.start(2)
    until_checkpoints(job, 2)
    processes.kill_master()
    processes.start_master()
    processes.wait_for_master()
    run.finish(run.start(2, (tmp_path / "checkpoints" / job.get_job_id()).as_uri()), expected)


JOB_SCRIPT = """
import sys
from pathlib import Path
import events
from millstream.datastream import StreamExecutionEnvironment

directory, count = Path(sys.argv[1]), int(sys.argv[2])
env = StreamExecutionEnvironment.get_execution_environment()
events.build_job(env, count, count / 40, directory / "hurry", directory / "output", env.get_parallelism())
env.execute("sums and windows")
"""


@pytest.mark.timeout(180)
def test_the_command_line_from_savepoint_to_savepoint(
    processes: ProcessCluster, tmp_path: Path, expected: list[str]
) -> None:
    (tmp_path / "job.py").write_text(JOB_SCRIPT)
    shutil.copy(program.__file__, tmp_path / "events.py")

    def millstream(*arguments: str) -> str:
        command = [sys.executable, "-m", "millstream.client.cli.main", *arguments, *extra(arguments[0])]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def extra(action: str) -> list[str]:
        return [str(tmp_path), str(COUNT)] if action == "run" else ["-m", processes.address]

    def run(*options: str) -> RpcJobClient:
        settings = [
            "-m",
            processes.address,
            "-Dexecution.checkpointing.interval=100ms",
            f"-Dexecution.checkpointing.dir={tmp_path}/checkpoints",
        ]
        output = millstream("run", "-d", *settings, *options, "job.py")
        found = re.search(r"JobID ([0-9a-f]{32})", output)
        assert found is not None, output
        job = processes.client.job(found[1])
        until_running(job)
        return job

    def path_in(output: str) -> str:
        found = re.search(r"(file:\S*savepoint-\w+-\w+)", output)
        assert found is not None, output
        return found[1]

    job = run("-p", "2")
    until_checkpoints(job, 1)
    first = path_in(millstream("savepoint", job.get_job_id(), "savepoints"))
    assert local(first).parent == tmp_path / "savepoints"
    assert "completed." in millstream("checkpoint", job.get_job_id())
    assert "Its new parallelism is 3." in millstream("modify", "-p", "3", job.get_job_id())
    until_running(job)
    second = path_in(millstream("cancel", "-s", "savepoints", job.get_job_id()))
    job = run("-p", "1", "-s", second)
    third = path_in(millstream("stop", "-p", "savepoints", job.get_job_id()))
    assert job.get_job_status() is JobStatus.FINISHED
    assert "disposed." in millstream("savepoint", "-d", first)
    assert not local(first).exists()
    (tmp_path / "hurry").touch()
    run_to_end = millstream("run", "-p", "4", "-s", third, "-m", processes.address, "job.py")
    assert "has finished." in run_to_end
    assert committed_lines(tmp_path / "output") == expected
