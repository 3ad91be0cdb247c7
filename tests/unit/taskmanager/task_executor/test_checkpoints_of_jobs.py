"""Checkpoints on their way through a TaskManager: to the workers of the tasks, and back to the JobMaster in order."""

from __future__ import annotations

from millstream.common.failure import USER_CODE
from millstream.common.rpc.methods import RpcMethod
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, TaskSnapshot
from millstream.common.wire.failure_pb2 import FailureInfo
from millstream.common.wire.worker_pb2 import WorkerEvent
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import RunningJob, with_job


async def _trigger(job: RunningJob, *attempts: str, job_master_id: str = "jm-1") -> None:
    await job.gateway.trigger_task_checkpoint(
        pb.TriggerTaskCheckpointRequest(
            job_master_id=job_master_id,
            attempt_ids=attempts,
            checkpoint_id=7,
            options=CheckpointOptions(kind="CHECKPOINT", directory="/checkpoints/chk-7"),
        )
    )


async def _notify(job: RunningJob, *attempts: str, completed: bool = True) -> None:
    await job.gateway.notify_checkpoint(
        pb.NotifyCheckpointRequest(job_master_id="jm-1", attempt_ids=attempts, checkpoint_id=7, completed=completed)
    )


def test_triggers_and_notices_go_to_the_workers_in_turn_with_the_other_commands() -> None:
    async def test(job: RunningJob) -> None:
        first, second = await job.take_slot(0, "alloc-0"), await job.take_slot(1, "alloc-1")
        await job.submit("x", "y", allocation_id="alloc-0")
        await job.submit("z", allocation_id="alloc-1")
        await _trigger(job, "x", "z", "y")
        await _notify(job, "y", "x", "z", completed=False)
        await job.cancel("x")
        assert first.kinds() == ["prepare", "run", "trigger_checkpoint", "notify_checkpoint", "cancel"]
        assert second.kinds() == ["prepare", "run", "trigger_checkpoint", "notify_checkpoint"]
        trigger = first.commands[2].trigger_checkpoint
        assert (list(trigger.attempt_ids), trigger.checkpoint_id) == (["x", "y"], 7)
        assert trigger.options.directory == "/checkpoints/chk-7"
        notice = first.commands[3].notify_checkpoint
        assert (list(notice.attempt_ids), notice.checkpoint_id, notice.completed) == (["y", "x"], 7, False)

    with_job(test)


def test_a_trigger_for_a_task_that_does_not_run_is_declined_at_once() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        worker.state("x", "FINISHED")
        await job.cluster.until(lambda: job.states() == [("x", "FINISHED")])
        await _trigger(job, "x", "y", "never heard of")
        await job.cluster.until(lambda: len(job.job_master.declines) == 2)
        assert [decline.attempt_id for decline in job.job_master.declines] == ["x", "never heard of"]
        assert all(decline.checkpoint_id == 7 for decline in job.job_master.declines)
        assert "attempt x does not run" in job.job_master.declines[0].failure.message
        assert list(worker.commands[-1].trigger_checkpoint.attempt_ids) == ["y"]
        await _notify(job, "x", "y")
        assert list(worker.commands[-1].notify_checkpoint.attempt_ids) == ["y"]

    with_job(test)


def test_who_has_no_slots_here_triggers_nothing() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        await _trigger(job, "x", job_master_id="jm-0")
        assert worker.kinds() == ["prepare", "run"]
        assert job.job_master.declines == []

    with_job(test)


def test_what_tasks_say_of_checkpoints_comes_in_order_with_their_states() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        failure = FailureInfo(kind=USER_CODE, message="cannot be pickled")
        worker.state("x", "RUNNING")
        worker.emit(
            WorkerEvent(
                acknowledge=pb.CheckpointAcknowledgement(
                    attempt_id="x", checkpoint_id=7, snapshot=TaskSnapshot(finished=True)
                )
            )
        )
        worker.emit(WorkerEvent(decline=pb.CheckpointDecline(attempt_id="y", checkpoint_id=7, failure=failure)))
        worker.emit(WorkerEvent(end_of_data=pb.EndOfDataReport(attempt_id="x")))
        worker.state("x", "FINISHED")
        await job.cluster.until(lambda: job.states() == [("x", "RUNNING"), ("x", "FINISHED")])
        (acknowledgement,) = job.job_master.acknowledgements
        assert acknowledgement.snapshot.finished
        (decline,) = job.job_master.declines
        assert decline.failure.message == "cannot be pickled"
        assert decline.failure.task_manager.startswith("tm-1 @ ")
        assert [report.attempt_id for report in job.job_master.ends_of_data] == ["x"]
        assert job.job_master.heard == ["state", "acknowledge", "decline", "end of data", "state"]

    with_job(test)


def test_what_a_task_says_after_its_end_is_nothing() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x", "y")
        worker.state("x", "FAILED")
        worker.emit(WorkerEvent(acknowledge=pb.CheckpointAcknowledgement(attempt_id="x", checkpoint_id=7)))
        worker.emit(WorkerEvent(end_of_data=pb.EndOfDataReport(attempt_id="x")))
        worker.emit(WorkerEvent(acknowledge=pb.CheckpointAcknowledgement(attempt_id="y", checkpoint_id=7)))
        await job.cluster.until(lambda: len(job.job_master.acknowledgements) == 1)
        assert job.job_master.acknowledgements[0].attempt_id == "y"
        assert job.job_master.ends_of_data == []

    with_job(test)


def test_what_is_lost_on_the_way_is_told_again_and_in_turn() -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        lost: list[str] = []

        def transit(source: str, target: str, method: RpcMethod) -> float | None:
            if method.name in ("acknowledge_checkpoint", "decline_checkpoint") and method.name not in lost:
                lost.append(method.name)
                return None
            return 0.0

        job.cluster.network.transit = transit
        worker.emit(WorkerEvent(acknowledge=pb.CheckpointAcknowledgement(attempt_id="x", checkpoint_id=7)))
        worker.emit(WorkerEvent(decline=pb.CheckpointDecline(attempt_id="x", checkpoint_id=8)))
        worker.emit(WorkerEvent(end_of_data=pb.EndOfDataReport(attempt_id="x")))
        await job.cluster.until(lambda: len(job.job_master.ends_of_data) == 1)
        assert lost == ["acknowledge_checkpoint", "decline_checkpoint"]
        assert job.job_master.heard[-3:] == ["acknowledge", "decline", "end of data"]

    with_job(test, {"pekko.ask.timeout": "100 ms"})
