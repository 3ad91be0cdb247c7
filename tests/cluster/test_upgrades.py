"""A job is stopped and its next version goes on: other names, other classes, operators more and fewer.

And a savepoint that several jobs begin with, one after the other: each has all that comes after it, once.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import JobCancelledError
from millstream.common.states import JobStatus
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import checked, program
from tests.chaos.checked import CheckedStreams, violations
from tests.chaos.monkey import committed_lines
from tests.cluster.checked_job import Jobs, until_checkpoints, until_running, until_status


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    modules = [sys.modules[each.__name__] for each in (program, checked)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def threads() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=3, isolation="thread") as started:
        yield started


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), task_managers=1, slots=2) as started:
        yield started


VERSION_1 = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from millstream.common import Types
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import CheckpointedFunction, KeyedProcessFunction, SourceFunction
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor

DIRECTORY = Path(sys.argv[1])


class Numbers(SourceFunction, CheckpointedFunction):
    def run(self, ctx):
        self.running = True
        until = 100 if self.next < 100 else 200
        while self.running and self.next < until:
            with ctx.get_checkpoint_lock():
                ctx.collect(self.next)
                self.next += 1
        while self.running and until == 100:
            time.sleep(0.005)

    def cancel(self):
        self.running = False

    def initialize_state(self, context):
        self.state = context.get_operator_state_store().get_list_state(ListStateDescriptor("next", Types.LONG()))
        self.next = next(iter(self.state), 0)

    def snapshot_state(self, context):
        self.state.update([self.next])


@dataclass
class Account:
    count: int = 0
    total: int = 0


class Accounts(KeyedProcessFunction):
    def open(self, runtime_context):
        self.account = runtime_context.get_state(ValueStateDescriptor("account"))

    def process_element(self, value, ctx):
        account = self.account.value() or Account()
        account.count += 1
        account.total += value
        self.account.update(account)
        yield f"{ctx.get_current_key()} {account}"


class Removed(Accounts):
    pass


def note(line):
    with open(DIRECTORY / "lines", "a") as file:
        file.write(line + "\\n")
    return line


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
keyed = env.add_source(Numbers(), "numbers", Types.LONG()).uid("numbers").key_by(lambda value: value % 5)
keyed.process(Accounts()).uid("accounts").name("old name").map(note).uid("note").print()
keyed.process(Removed()).uid("removed").print()
env.execute("version 1")
"""
VERSION_2 = (
    VERSION_1.replace("    total: int = 0\n", "    total: int = 0\n    currency: str = 'EUR'\n")
    .replace('.name("old name")', '.name("new name")')
    .replace('keyed.process(Removed()).uid("removed").print()', 'keyed.process(Removed()).uid("added").print()')
    .replace("version 1", "version 2")
)


def millstream(directory: Path, processes: ProcessCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "millstream.client.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory, timeout=50, check=False)
    return done.stdout + done.stderr


def test_the_next_version_goes_on_where_the_last_one_was_stopped(processes: ProcessCluster, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(VERSION_1)
    run = ["run", "-m", processes.address, "-Dexecution.checkpointing.interval=100ms", "-Drestart-strategy.type=none"]
    said = millstream(tmp_path, processes, *run, "-d", "job.py", str(tmp_path))
    job = RpcJobClient(processes.client, said.split("JobID ")[1][:32])
    lines = tmp_path / "lines"
    eventually(lambda: lines.exists() and lines.read_text().count("\n") == 100, f"the first half\n{said}")
    path = job.stop_with_savepoint(False, str(tmp_path / "savepoints"))

    (tmp_path / "job.py").write_text(VERSION_2)
    refused = millstream(tmp_path, processes, *run, "-s", path, "job.py", str(tmp_path))
    # Before anything runs, by the uid that its author has given.
    assert "removed" in refused, refused
    assert "allowNonRestoredState" in refused or "ignore-unclaimed-state" in refused, refused
    assert lines.read_text().count("\n") == 100

    said = millstream(tmp_path, processes, *run, "-s", path, "-n", "job.py", str(tmp_path))
    assert "has finished." in said, said
    assert lines.read_text().count("\n") == 200
    last = {line.split()[0]: line for line in lines.read_text().splitlines()}
    for key in range(5):
        total = sum(range(key, 200, 5))
        assert last[str(key)] == f"{key} Account(count=40, total={total}, currency='EUR')"


def test_a_savepoint_may_be_begun_with_again_and_again(threads: MiniCluster, tmp_path: Path) -> None:
    jobs = Jobs(threads, CheckedStreams(tmp_path, "union"))
    job = jobs.start(2)
    until_checkpoints(job, 2)
    path = job.cancel_with_savepoint()
    with pytest.raises(JobCancelledError):
        job.get_job_execution_result()
    # What the savepoint has to be committed is committed by the first of those that begin with it, and by no other;
    # those that are cancelled before a checkpoint of their own commit nothing else.
    for parallelism in (2, 3):
        again = jobs.start(parallelism, path, {"execution.checkpointing.interval": "1 h"})
        until_running(again)
        again.cancel()
        until_status(again, JobStatus.CANCELED)
    jobs.finish(jobs.start(1, path))


def test_an_older_savepoint_repeats_what_was_committed_since_and_loses_nothing(
    threads: MiniCluster, tmp_path: Path
) -> None:
    jobs = Jobs(threads, CheckedStreams(tmp_path))
    job = jobs.start(2)
    until_checkpoints(job, 1)
    older = job.trigger_savepoint()
    until_checkpoints(job, job.get_checkpoints().completed + 2)
    newer = job.stop_with_savepoint(False)
    job.get_job_execution_result()
    assert newer != older
    once = committed_lines(jobs.streams.output)
    jobs.streams.hurry.touch()
    job = jobs.start(3, older)
    job.get_job_execution_result()
    assert violations(tmp_path) == []
    lines = committed_lines(jobs.streams.output)
    assert set(lines) == set(jobs.streams.expected())
    # Nothing more than what the first job had committed is there twice: no file was overwritten.
    assert set(once) <= set(lines)
    assert len(lines) <= len(jobs.streams.expected()) + len(once)


def test_a_stream_more_and_another_kind_of_operator_take_the_state_by_its_uid(
    threads: MiniCluster, tmp_path: Path
) -> None:
    jobs = Jobs(threads, CheckedStreams(tmp_path, "pipeline"))
    job = jobs.start(2)
    until_checkpoints(job, 1)
    path = job.stop_with_savepoint(False)
    job.get_job_execution_result()
    # The second stream is new, and what checks has two inputs now.
    jobs.streams = CheckedStreams(tmp_path, "multi-input")
    jobs.finish(jobs.start(3, path))
