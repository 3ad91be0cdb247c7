"""What masters keep for each other: submissions, results, graphs that cannot be read, and what is forgotten."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from millstream.common.checkpoint.metadata_file import write_metadata
from millstream.common.config import CheckpointingOptions, Configuration, JobManagerOptions
from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.memory_stores import MemoryCheckpointPointers
from millstream.common.ids import JobID
from millstream.common.rpc.service import RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from tests.unit.dispatcher.contending_masters import (
    World,
    cluster,
    eventually,
    some_time,
)
from tests.unit.dispatcher.fake_job_master import graph, hex_id
from tests.unit.dispatcher.virtual_time import run


def test_a_job_is_taken_only_when_it_is_kept() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.fail_before["put graph"] = 1
            with pytest.raises(MillstreamError, match="no room"):
                await world.first.submit()
            await some_time()
            with pytest.raises(JobNotFoundError):
                await world.first.details()
            await world.first.submit()
            assert await world.kept_graphs() == [hex_id(1)]

    run(test)


def test_a_job_that_was_not_taken_does_not_come_up_later() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.fail_after["put graph"] = 1
            world.election.fail_before["forget job"] = 3
            with pytest.raises(MillstreamError, match="no answer"):
                await world.first.submit()
            with pytest.raises(DuplicateJobError):
                await world.first.submit()
            await some_time(10)
            assert await world.kept_graphs() == []
            assert all(not made.started for made in world.first.made)
            await world.first.submit()

    run(test)


def test_whoever_submits_again_hears_what_becomes_of_the_first_submission() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.seconds = 5.0
            first = asyncio.ensure_future(world.first.submit())
            await some_time()
            again = asyncio.ensure_future(world.first.submit())
            first.cancel()
            with pytest.raises(DuplicateJobError):
                await again
            assert await world.kept_graphs() == [hex_id(1)]
            world.election.fail_before["put graph"] = 1
            submissions = [world.first.submit(2), world.first.submit(2)]
            for outcome in await asyncio.gather(*submissions, return_exceptions=True):
                assert isinstance(outcome, MillstreamError)
                assert "no room" in str(outcome)

    run(test)


def test_nobody_can_tell_what_became_of_a_submission_when_the_term_ends() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.seconds = 5.0
            submitting = asyncio.ensure_future(world.first.submit())
            await some_time()
            world.election.revoke(world.first.services)
            with pytest.raises(RemoteCallError, match="nobody can tell whether job") as raised:
                await submitting
            assert raised.value.exception_type == "LeadershipLostError"
            await world.second.lead()
            await world.second.submit()

    run(test)


def test_a_deposed_leader_that_does_not_know_it_takes_no_job() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job(2)
            world.election.depose()
            with pytest.raises(RemoteCallError, match="the term is over") as raised:
                await world.first.submit()
            assert raised.value.exception_type == "LeadershipLostError"
            assert await world.kept_graphs() == [hex_id(2)]
            job_master.end("FINISHED")
            await some_time()
            assert await world.kept_result(2) is None
            assert (await world.first.details(2)).summary.state == "RUNNING"
            await world.second.lead()
            await eventually(lambda: world.second.running(2) is not None, "the job runs again")

    run(test)


@pytest.mark.parametrize(
    ("state", "told"), [("FINISHED", "RUNNING"), ("FAILED", "FAILING"), ("CANCELED", "CANCELLING")]
)
def test_nobody_hears_of_the_end_of_a_job_before_it_is_kept(state: str, told: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            other = await world.first.run_job(2)
            job_master = await world.first.run_job()
            world.election.fail_before["put result"] = 5
            waiting = asyncio.ensure_future(world.first.result())
            job_master.end(state)
            await some_time()
            assert not waiting.done()
            report = await world.first.details()
            assert (report.summary.state, report.summary.end_time_ms) == (told, 0)
            assert (await world.first.states())["job 1"] == told
            assert not job_master.result_is_kept
            assert not job_master.closed
            assert (await waiting).summary.state == state
            assert await world.kept_result() == state
            assert job_master.result_is_kept
            other.end("FINISHED")
            assert (await world.first.result(2)).summary.state == "FINISHED"

    run(test)


@pytest.mark.parametrize("mode", ["STOP", "DRAIN"])
def test_nobody_hears_that_a_job_has_stopped_with_a_savepoint_before_its_end_is_kept(mode: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            world.election.fail_before["put result"] = 5
            request = pb.TriggerSavepointRequest(job_id=hex_id(1), mode=mode, request_id="one")
            await (await world.first.dispatcher()).trigger_savepoint(request)
            wait = pb.AwaitOperationRequest(job_id=hex_id(1), request_id="one", max_wait_ms=100_000)
            waiting = asyncio.ensure_future((await world.first.dispatcher()).await_operation(wait))
            job_master.end("FINISHED")
            await some_time()
            assert await world.kept_result() is None
            assert not waiting.done()
            assert (await waiting).location == "file:/savepoint"
            assert await world.kept_result() == "FINISHED"

    run(test)


def test_whether_a_job_has_stopped_is_not_known_when_the_term_ends_before_that_is_kept() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            world.election.fail_before["put result"] = 1_000
            request = pb.TriggerSavepointRequest(job_id=hex_id(1), mode="STOP", request_id="one")
            await (await world.first.dispatcher()).trigger_savepoint(request)
            wait = pb.AwaitOperationRequest(job_id=hex_id(1), request_id="one", max_wait_ms=100_000)
            waiting = asyncio.ensure_future((await world.first.dispatcher()).await_operation(wait))
            job_master.end("FINISHED")
            await some_time()
            world.election.revoke(world.first.services)
            with pytest.raises(RemoteCallError, match="Nobody knows what became of operation one"):
                await waiting
            await world.second.lead()
            await eventually(lambda: world.second.running() is not None, "the job goes on")

    run(test)


@pytest.mark.parametrize("fault", ["put result", "forget job", "mark clean"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bad_moment_of_the_storage_loses_no_result(fault: str, when: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            failures = world.election.fail_before if when == "before" else world.election.fail_after
            failures[fault] = 3
            job_master = await world.first.run_job()
            job_master.end("FINISHED")
            assert (await world.first.result()).summary.state == "FINISHED"
            await some_time(20)
            assert failures[fault] == 0
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            assert await world.kept_result() == "FINISHED"

    run(test)


@pytest.mark.parametrize("step", ["put result", "forget job", "mark clean"])
def test_a_job_that_has_ended_is_not_run_again_wherever_its_leader_died(step: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            world.election.fail_after[step] = 1_000
            job_master.end("FINISHED")
            world.ended.add(hex_id(1))
            await eventually(lambda: step in world.election.log, f"{step} is done")
            world.election.fail_after.clear()
            await world.second.lead()
            assert (await world.second.result()).summary.state == "FINISHED"
            assert await world.second.states() == {"job 1": "FINISHED"}
            with pytest.raises(DuplicateJobError):
                await world.second.submit()
            await some_time()
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            assert not world.second.made

    run(test)


def test_what_is_known_of_checkpoints_outlives_the_leader_under_which_their_job_ended() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            job_master.operations += ["one", "two"]
            job_master.end("FINISHED")
            await world.first.result()
            await world.second.lead()
            request = pb.JobRequest(job_id=hex_id(1))
            checkpoints = await (await world.second.dispatcher()).get_checkpoints(request)
            assert checkpoints.completed == 2
            assert not (await world.second.result()).HasField("checkpoints")

    run(test)


@pytest.mark.parametrize(
    ("retention", "has_run", "left"),
    [
        ("NO_EXTERNALIZED_CHECKPOINTS", True, 0),
        ("NO_EXTERNALIZED_CHECKPOINTS", False, 1),
        ("RETAIN_ON_CANCELLATION", True, 1),
    ],
)
def test_checkpoints_that_a_dead_leader_has_not_deleted_are_deleted_unless_they_are_retained(
    tmp_path: Path, retention: str, has_run: bool, left: int
) -> None:
    key = CheckpointingOptions.EXTERNALIZED_RETENTION.key
    checkpoint = tmp_path / hex_id(1) / "chk-1"
    write_metadata(CheckpointMetadata(checkpoint_id=1, job_id=hex_id(1)), str(checkpoint))
    (tmp_path / hex_id(2)).mkdir()

    async def test() -> None:
        async with cluster(checkpoint_directory=tmp_path.as_uri()) as world:
            pointers = world.election.pointers[JobID(hex_id(1))] = MemoryCheckpointPointers()
            await pointers.reserve(1)
            await pointers.add(CheckpointPointer(1, str(checkpoint), owned=True))
            await world.first.lead()
            job_graph = graph()
            job_graph.configuration[key] = retention
            await (await world.first.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=job_graph))
            await eventually(lambda: world.first.running() is not None, "the job runs")
            job_master = world.first.running()
            assert job_master is not None
            world.election.fail_after["put result"] = 1_000
            if has_run:
                job_master.report.vertices.append(pb.VertexDetails(vertex_id=hex_id(1)))
            job_master.end("FAILED")
            await eventually(lambda: "put result" in world.election.log, "the result is kept")
            await world.second.lead()
            await eventually(lambda: "mark clean" in world.election.log, "the job is cleaned up")
            assert len(await pointers.all()) == left

    asyncio.run(test())  # files are deleted in a thread, which virtual time would not wait for
    assert len(list(tmp_path.glob("*/chk-1"))) == left
    assert (tmp_path / hex_id(2)).exists()


@pytest.mark.parametrize("has_left_files", [True, False])
def test_checkpoints_that_a_job_master_could_not_wait_for_are_deleted_before_the_job_is_forgotten(
    tmp_path: Path, has_left_files: bool
) -> None:
    checkpoint = tmp_path / hex_id(1) / "chk-1"
    write_metadata(CheckpointMetadata(checkpoint_id=1, job_id=hex_id(1)), str(checkpoint))

    async def test() -> None:
        async with cluster(checkpoint_directory=tmp_path.as_uri()) as world:
            pointers = world.election.pointers[JobID(hex_id(1))] = MemoryCheckpointPointers()
            await pointers.reserve(1)
            await pointers.add(CheckpointPointer(1, str(checkpoint), owned=True))
            await world.first.lead()
            job_master = await world.first.run_job()
            job_master.has_left_files = has_left_files
            job_master.end("FINISHED")
            await eventually(lambda: "mark clean" in world.election.log, "the job is cleaned up")

    asyncio.run(test())  # files are deleted in a thread, which virtual time would not wait for
    assert checkpoint.exists() is not has_left_files


def test_a_job_whose_graph_cannot_be_read_is_shown_and_tried_again_and_others_run() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job(1)
            await world.first.run_job(2)
            world.election.fail_before["get graph 1"] = 5
            world.election.revoke(world.first.services)
            await world.second.lead()
            await eventually(lambda: world.second.running(2) is not None, "the other job runs")
            await eventually(lambda: world.election.fail_before["get graph 1"] < 5, "the graph was read in vain")
            report = await world.second.details()
            assert report.summary.state == "INITIALIZING"
            assert "no room" in report.failure.message
            with pytest.raises(MillstreamError, match="is INITIALIZING: it does not run"):
                await (await world.second.dispatcher()).send_operator_request(pb.OperatorRequest(job_id=hex_id(1)))
            waiting = asyncio.ensure_future(world.second.result())
            await eventually(lambda: world.second.running(1) is not None, "the job runs")
            job_master = world.second.running(1)
            assert job_master is not None
            job_master.end("FINISHED")
            assert (await waiting).summary.state == "FINISHED"

    run(test)


def test_a_job_whose_graph_cannot_be_read_may_be_cancelled() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job()
            world.election.fail_before["get graph 1"] = 1_000
            world.election.revoke(world.first.services)
            await world.second.lead()
            waiting = asyncio.ensure_future(world.second.result())
            await some_time(100)
            cancelled = asyncio.get_running_loop().time()
            await (await world.second.dispatcher()).cancel_job(pb.JobRequest(job_id=hex_id(1)))
            assert (await waiting).summary.state == "CANCELED"
            assert asyncio.get_running_loop().time() - cancelled < 1
            await some_time()
            assert await world.kept_graphs() == []
            assert await world.kept_result() == "CANCELED"

    run(test)


def test_results_are_forgotten_when_they_expire() -> None:
    async def test() -> None:
        configuration = Configuration()
        configuration.set(JobManagerOptions.JOB_STORE_MAX_CAPACITY, 2)
        configuration.set(JobManagerOptions.JOB_STORE_EXPIRATION_TIME, timedelta(seconds=60))
        async with cluster(configuration) as world:
            await world.first.lead()
            world.election.fail_before["forget result"] = 2
            for number in (1, 2, 3):
                (await world.first.run_job(number)).end("FINISHED")
                await world.first.result(number)
                world.clock.advance(1_000)
            await some_time(10)
            assert [await world.kept_result(number) for number in (1, 2, 3)] == [None, "FINISHED", "FINISHED"]
            world.election.revoke(world.first.services)
            world.clock.advance(58_500)
            await world.second.lead()
            assert await world.second.states() == {"job 3": "FINISHED"}
            await some_time()
            assert [await world.kept_result(number) for number in (1, 2, 3)] == [None, None, "FINISHED"]

    run(test)


def test_jobs_that_name_no_directory_for_checkpoints_get_one_that_successors_can_read() -> None:
    key = CheckpointingOptions.DIRECTORY.key

    async def submitted(world: World, **configuration: str) -> dict[str, str]:
        await world.first.lead()
        job_graph = graph()
        job_graph.configuration.update(configuration)
        await (await world.first.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=job_graph))
        return dict((await world.election.graphs.get(JobID(hex_id(1)))).configuration)

    async def test() -> None:
        async with cluster(checkpoint_directory="file:///shared/checkpoints") as world:
            assert await submitted(world) == {key: "file:///shared/checkpoints"}
        async with cluster(checkpoint_directory="file:///shared/checkpoints") as world:
            assert await submitted(world, **{"state.checkpoints.dir": "s3://mine"}) == {
                "state.checkpoints.dir": "s3://mine"
            }
        ours = Configuration()
        ours.set(CheckpointingOptions.DIRECTORY, "s3://ours")
        async with cluster(ours, "file:///shared/checkpoints") as world:
            assert await submitted(world) == {}
        async with cluster() as world:
            assert await submitted(world) == {}

    run(test)
