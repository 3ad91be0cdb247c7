"""What is told of a job's checkpoints."""

from __future__ import annotations

from millstream.common.wire.checkpoint_pb2 import (
    CheckpointStatistics,
    CheckpointSummary,
    JobCheckpoints,
    StatisticsSummary,
)
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    MAP,
    SOURCE,
    UNKNOWN,
    checkpoints,
    completed_checkpoint,
    ended_job,
    failure,
    in_progress_checkpoint,
    put_job,
    running_job,
)

_PATH = f"/jobs/{JOB}/checkpoints"


def _failed(number: int) -> CheckpointStatistics:
    return CheckpointStatistics(
        checkpoint_id=number,
        status="FAILED",
        kind="CHECKPOINT",
        unaligned=True,
        trigger_ms=940_000,
        duration_ms=9,
        subtasks=3,
        failure=failure(),
    )


def test_all_kinds_of_checkpoints() -> None:
    async def story(cluster: FakeCluster) -> None:
        known = checkpoints(
            in_progress_checkpoint(5),
            _failed(4),
            completed_checkpoint(3, "STOP"),
            completed_checkpoint(2, "SAVEPOINT"),
            completed_checkpoint(1),
        )
        put_job(cluster, running_job(), known)
        answer = await ask(cluster, _PATH)
        assert answer["counts"] == {"restored": 0, "total": 5, "in_progress": 1, "completed": 3, "failed": 1}
        pending, failed, stop, savepoint, checkpoint = answer["history"]
        assert [entry["className"] for entry in (pending, failed, checkpoint)] == ["in_progress", "failed", "completed"]
        assert (pending["latest_ack_timestamp"], pending["end_to_end_duration"]) == (-1, -1)
        assert not {"external_path", "failure_message"} & set(pending)
        assert failed["failure_timestamp"] == 948_000
        assert failed["failure_message"].startswith("ValueError: bad price")
        assert failed["end_to_end_duration"] == 9
        assert [entry["checkpoint_type"] for entry in answer["history"]] == [
            "CHECKPOINT",
            "UNALIGNED_CHECKPOINT",
            "SYNC_SAVEPOINT",
            "SAVEPOINT",
            "CHECKPOINT",
        ]
        assert [entry["is_savepoint"] for entry in (stop, savepoint, checkpoint)] == [True, True, False]
        assert (savepoint["savepointFormat"], checkpoint["savepointFormat"]) == ("CANONICAL", None)
        assert (checkpoint["external_path"], checkpoint["discarded"]) == (f"file:///ckpt/{JOB}/chk-1", False)
        assert all(entry["tasks"] == {} for entry in answer["history"])
        latest = answer["latest"]
        assert (latest["completed"], latest["savepoint"], latest["failed"]) == (checkpoint, stop, failed)
        assert latest["restored"] is None

    tell(story)


def test_nothing_yet() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job(), JobCheckpoints(enabled=True))
        answer = await ask(cluster, _PATH)
        assert set(answer["latest"].values()) == {None}
        assert answer["history"] == []
        assert answer["summary"]["state_size"]["p50"] == "NaN"
        assert answer["summary"]["alignment_buffered"]["p50"] == 0.0

    tell(story)


def test_what_the_job_has_begun_from() -> None:
    async def story(cluster: FakeCluster) -> None:
        known = checkpoints(completed_checkpoint(8))
        known.restored = 2
        known.restored_checkpoint_id = 7
        known.restore_timestamp_ms = 930_000
        known.restored_path = "file:///sp/savepoint-1"
        known.restored_is_savepoint = True
        put_job(cluster, running_job(), known)
        assert (await ask(cluster, _PATH))["latest"]["restored"] == {
            "id": 7,
            "restore_timestamp": 930_000,
            "is_savepoint": True,
            "external_path": "file:///sp/savepoint-1",
        }

    tell(story)


def test_the_summary() -> None:
    async def story(cluster: FakeCluster) -> None:
        known = checkpoints(completed_checkpoint(1))
        known.summary.CopyFrom(
            CheckpointSummary(
                duration_ms=StatisticsSummary(
                    count=4, minimum=32, maximum=112, average=59, p50=47.5, p90=112, p95=112, p99=112, p999=112
                )
            )
        )
        put_job(cluster, running_job(), known)
        summary = (await ask(cluster, _PATH))["summary"]
        assert summary["end_to_end_duration"] == {
            "min": 32,
            "max": 112,
            "avg": 59,
            "p50": 47.5,
            "p90": 112.0,
            "p95": 112.0,
            "p99": 112.0,
            "p999": 112.0,
        }

    tell(story)


def test_one_checkpoint_with_every_vertex() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job(), checkpoints(in_progress_checkpoint(6), completed_checkpoint(5)))
        checkpoint = await ask(cluster, f"{_PATH}/details/5")
        assert (checkpoint["id"], checkpoint["className"]) == (5, "completed")
        assert checkpoint["tasks"][MAP] == {
            "id": 5,
            "status": "COMPLETED",
            "latest_ack_timestamp": 915_042,
            "checkpointed_size": 5877,
            "state_size": 5879,
            "end_to_end_duration": 42,
            "alignment_buffered": 0,
            "processed_data": 0,
            "persisted_data": 0,
            "num_subtasks": 2,
            "num_acknowledged_subtasks": 2,
        }
        pending = await cluster.get(f"{_PATH}/details/6")
        assert set(pending["tasks"]) == {SOURCE, MAP}
        nothing = pending["tasks"][MAP]
        assert (nothing["latest_ack_timestamp"], nothing["end_to_end_duration"]) == (-1, -1)
        assert (nothing["num_subtasks"], nothing["num_acknowledged_subtasks"]) == (2, 0)

    tell(story)


def test_a_checkpoint_that_is_in_the_history_no_more() -> None:
    async def story(cluster: FakeCluster) -> None:
        known = checkpoints(completed_checkpoint(9))
        known.latest_savepoint.CopyFrom(completed_checkpoint(2, "SAVEPOINT"))
        put_job(cluster, running_job(), known)
        assert (await ask(cluster, f"{_PATH}/details/2"))["is_savepoint"] is True

    tell(story)


def test_the_subtasks_of_a_checkpoint() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job(), checkpoints(completed_checkpoint(5)))
        answer = await ask(cluster, f"{_PATH}/details/5/subtasks/{MAP}")
        first, second = answer["subtasks"]
        assert (first["index"], first["checkpointed_size"], first["end_to_end_duration"]) == (0, 2967, 41)
        assert second["checkpoint"] == {"sync": 1, "async": 5}
        assert second["alignment"] == {"buffered": 0, "processed": 0, "persisted": 0, "duration": 3}
        summary = answer["summary"]
        assert summary["checkpoint_duration"]["sync"]["max"] == 1
        assert (summary["end_to_end_duration"]["min"], summary["end_to_end_duration"]["p50"]) == (41, 41.5)
        assert summary["start_delay"]["avg"] == 8

    tell(story)


def test_subtasks_that_have_not_acknowledged() -> None:
    async def story(cluster: FakeCluster) -> None:
        checkpoint = completed_checkpoint(5)
        checkpoint.status = "FAILED"
        del checkpoint.subtask_statistics[1:2]
        put_job(cluster, running_job(), checkpoints(checkpoint))
        answer = await cluster.get(f"{_PATH}/details/5/subtasks/{MAP}")
        assert answer["subtasks"][1] == {"className": "pending", "index": 1, "status": "pending_or_failed"}
        assert (answer["num_subtasks"], answer["num_acknowledged_subtasks"]) == (2, 1)

    tell(story)


def test_subtasks_that_had_finished_before() -> None:
    async def story(cluster: FakeCluster) -> None:
        checkpoint = completed_checkpoint(5)
        checkpoint.vertices[1].finished_subtasks.append(1)
        del checkpoint.subtask_statistics[1:2]
        put_job(cluster, running_job(), checkpoints(checkpoint))
        answer = await ask(cluster, f"{_PATH}/details/5/subtasks/{MAP}")
        assert [subtask["index"] for subtask in answer["subtasks"]] == [0]
        assert (answer["num_subtasks"], answer["num_acknowledged_subtasks"]) == (1, 1)

    tell(story)


def test_a_checkpoint_of_another_parallelism() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.vertices[1].parallelism = 1
        del details.vertices[1].subtasks[1]
        put_job(cluster, details, checkpoints(completed_checkpoint(5)))
        assert len((await ask(cluster, f"{_PATH}/details/5/subtasks/{MAP}"))["subtasks"]) == 2
        older = completed_checkpoint(5)
        del older.vertices[:]
        put_job(cluster, details, checkpoints(older))
        assert len((await ask(cluster, f"{_PATH}/details/5/subtasks/{MAP}"))["subtasks"]) == 2

    tell(story)


def test_what_is_not_there() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job(), checkpoints(completed_checkpoint(5)))
        error = "Could not find checkpointing statistics for checkpoint 99999."
        assert (await ask(cluster, f"{_PATH}/details/99999", 404))["errors"] == [error]
        assert await first_error(cluster, f"{_PATH}/details/99999/subtasks/{MAP}", 404) == error
        path = f"{_PATH}/details/5/subtasks/{UNKNOWN}"
        assert await first_error(cluster, path, 404) == f"There is no checkpoint statistics for task {UNKNOWN}."
        assert "(checkpointid)" in await first_error(cluster, f"{_PATH}/details/x", 400)

    tell(story)


def test_a_job_that_has_ended() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, ended_job("FINISHED"), checkpoints(completed_checkpoint(1)))
        assert (await ask(cluster, _PATH))["counts"]["completed"] == 1
        assert (await ask(cluster, f"{_PATH}/config"))["interval"] == 3000

    tell(story)


def test_the_settings() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        assert await ask(cluster, f"{_PATH}/config") == {
            "mode": "exactly_once",
            "interval": 3000,
            "timeout": 600_000,
            "min_pause": 0,
            "max_concurrent": 1,
            "externalization": {"enabled": False, "delete_on_cancellation": True},
            "state_backend": "HashMapStateBackend",
            "checkpoint_storage": "FileSystemCheckpointStorage",
            "unaligned_checkpoints": False,
            "tolerable_failed_checkpoints": 0,
            "aligned_checkpoint_timeout": 0,
            "checkpoints_after_tasks_finish": True,
            "state_changelog_enabled": False,
            "changelog_periodic_materialization_interval": 600_000,
            "changelog_storage": "memory",
        }

    tell(story)


def test_other_settings() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.configuration.clear()
        details.configuration["execution.checkpointing.mode"] = "AT_LEAST_ONCE"
        details.configuration["state.backend.type"] = "rocksdb"
        retention = "execution.checkpointing.externalized-checkpoint-retention"
        details.configuration[retention] = "RETAIN_ON_CANCELLATION"
        put_job(cluster, details)
        config = await ask(cluster, f"{_PATH}/config")
        assert (config["mode"], config["interval"]) == ("at_least_once", 2**63 - 1)
        assert config["externalization"] == {"enabled": True, "delete_on_cancellation": False}
        assert config["state_backend"] == "EmbeddedRocksDBStateBackend"
        assert config["checkpoint_storage"] == "JobManagerCheckpointStorage"

    tell(story)


def test_a_batch_job_has_none() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.job_type = "BATCH"
        put_job(cluster, details)
        for path in (_PATH, f"{_PATH}/config"):
            assert await first_error(cluster, path, 404) == f"Checkpointing was not enabled for job {JOB}."

    tell(story)


def test_settings_that_the_job_could_not_start_with() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.configuration["execution.checkpointing.timeout"] = "0 s"
        put_job(cluster, details)
        assert "timeout must be above 0" in await first_error(cluster, f"{_PATH}/config", 404)

    tell(story)
