"""Reports on a job such as a JobMaster makes them, and what fake clusters answer with them."""

from __future__ import annotations

from typing import Final

from millstream.common.errors import JobNotFoundError
from millstream.common.failure import FailureInfo
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointStatistics,
    CheckpointVertex,
    JobCheckpoints,
    SubtaskCheckpointMetrics,
    SubtaskCheckpointStatistics,
)
from millstream.common.wire.cluster_pb2 import (
    AccumulatorValue,
    ExceptionHistoryEntry,
    JobDetails,
    JobRequest,
    JobSummary,
    ListJobsResponse,
    PlanInput,
    PlanNode,
    SubtaskDetails,
    TaskMetrics,
    VertexDetails,
)
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster

__all__ = [
    "JOB",
    "MAP",
    "NOW",
    "SOURCE",
    "STARTED",
    "UNKNOWN",
    "checkpoints",
    "completed_checkpoint",
    "ended_job",
    "failed_job",
    "failure",
    "in_progress_checkpoint",
    "job_summary",
    "put_job",
    "running_job",
]

JOB: Final = "0b1f745be20d613b983dfb90d097588f"
SOURCE: Final = "f362c87ffabe89c8a91fa7d0a523ba6c"
MAP: Final = "1fda57489fc99cc8f66c9108fd52ccef"
UNKNOWN: Final = "00000000000000000000000000000000"
STARTED: Final = 900_000
NOW: Final = 1_000_000
"""What fake clusters begin with."""

_LIFE: Final = {"CREATED": 900_100, "SCHEDULED": 900_200, "DEPLOYING": 900_400, "INITIALIZING": 900_700}


def put_job(cluster: FakeCluster, details: JobDetails, known: JobCheckpoints | None = None) -> None:
    """Let the cluster know one job."""

    def find(request: JobRequest) -> JobDetails:
        if request.job_id != details.summary.job_id:
            raise JobNotFoundError(f"there is no job {request.job_id}")
        return details

    def find_checkpoints(request: JobRequest) -> JobCheckpoints:
        find(request)
        return known if known is not None else JobCheckpoints()

    cluster.dispatcher.answers["get_job_details"] = find
    cluster.dispatcher.answers["get_checkpoints"] = find_checkpoints
    cluster.dispatcher.answers["list_jobs"] = ListJobsResponse(jobs=[details.summary])


def job_summary(state: str, ended_ms: int = 0, job_id: str = JOB) -> JobSummary:
    return JobSummary(
        job_id=job_id,
        name="orders <b>",
        state=state,
        start_time_ms=STARTED,
        end_time_ms=ended_ms,
        tasks_total=3,
        task_counts={"RUNNING": 3} if not ended_ms else {state: 3},
        last_modification_ms=ended_ms or 901_000,
    )


def running_job() -> JobDetails:
    """A source of parallelism 1, a map of parallelism 2 that has been restarted once."""
    return JobDetails(
        summary=job_summary("RUNNING"),
        vertices=[
            VertexDetails(
                vertex_id=SOURCE,
                name="Source: orders",
                parallelism=1,
                max_parallelism=128,
                slot_sharing_group_id="a" * 32,
                subtasks=[_subtask(0, TaskMetrics(records_out=1300, bytes_out=29_691, busy_ms=10, idle_ms=90))],
            ),
            VertexDetails(
                vertex_id=MAP,
                name="map",
                parallelism=2,
                max_parallelism=128,
                slot_sharing_group_id="a" * 32,
                subtasks=[
                    _subtask(
                        0, TaskMetrics(records_in=600, bytes_in=14_000, busy_ms=50, backpressured_ms=4), attempt=1
                    ),
                    _subtask(1, TaskMetrics(records_in=700, bytes_in=15_691, busy_ms=60, idle_ms=1), manager="tm-2"),
                ],
            ),
        ],
        state_timestamps={"INITIALIZING": STARTED, "CREATED": 900_050, "RUNNING": 900_150},
        task_counts={"RUNNING": 3},
        stoppable=True,
        job_type="STREAMING",
        restart_strategy="Restart with fixed delay (10000 ms). #3 restart attempts.",
        configuration={
            "parallelism.default": "2",
            "execution.checkpointing.interval": "3 s",
            "execution.checkpointing.dir": "file:///ckpt",
            "pipeline.global-job-parameters": "input:/in,api-key:hunter2",
        },
        plan=[
            PlanNode(vertex_id=SOURCE, parallelism=1, description="Source: orders"),
            PlanNode(
                vertex_id=MAP,
                parallelism=2,
                description="map <lambda>\n+- sink & co",
                inputs=[PlanInput(vertex_id=SOURCE, ship_strategy="HASH", exchange="pipelined_bounded")],
            ),
        ],
        accumulators=[
            AccumulatorValue(name="emitted", type="IntCounter", text="1704", pickled=b"\x80\x05K\x01."),
            AccumulatorValue(name="broken", type="IntCounter", failure=failure()),
        ],
    )


def ended_job(state: str) -> JobDetails:
    """The same, when it has come to its end without a failure."""
    details = running_job()
    details.summary.CopyFrom(job_summary(state, 950_000))
    details.state_timestamps[state] = 950_000
    details.stoppable = False
    for vertex in details.vertices:
        for subtask in vertex.subtasks:
            subtask.state = state
            subtask.state_timestamps[state] = 949_000 + subtask.subtask_index
    return details


def failed_job() -> JobDetails:
    """The same, when its map has failed for good, after a failure of a TaskManager before."""
    details = ended_job("FAILED")
    for subtask in details.vertices[1].subtasks:
        subtask.state = "CANCELED"
        subtask.state_timestamps["CANCELED"] = 949_500
    guilty = details.vertices[1].subtasks[1]
    guilty.state = "FAILED"
    guilty.failure.CopyFrom(failure())
    details.failure.CopyFrom(failure())
    lost = FailureInfo(
        kind="TASK_MANAGER_LOST", message="the heartbeat of tm-9 timed out", subtask_index=-1, timestamp_ms=920_000
    )
    details.exception_history.extend(
        [
            ExceptionHistoryEntry(root_cause=failure(), concurrent=[lost]),
            ExceptionHistoryEntry(root_cause=lost),
        ]
    )
    return details


def failure() -> FailureInfo:
    """A user's function has failed."""
    return FailureInfo(
        kind="USER_CODE",
        exception_type="ValueError",
        message="bad price 'x'\nsecond line",
        operator_name="parse",
        phase="map",
        subtask_index=1,
        parallelism=2,
        attempt_number=1,
        record="('a', 'x')",
        user_file="/home/me/job.py",
        user_line=17,
        user_traceback='  File "/home/me/job.py", line 17, in parse\n    float(price)\n',
        full_traceback='  File "/engine/task.py", line 1, in run\n  File "/home/me/job.py", line 17, in parse\n',
        task_manager="tm-2 @ host-2 (pid 7)",
        task_manager_id="tm-2",
        endpoint="host-2:40002",
        task_name="map (2/2)",
        timestamp_ms=948_000,
    )


def checkpoints(*history: CheckpointStatistics) -> JobCheckpoints:
    """Those of a job, newest first."""
    known = JobCheckpoints(enabled=True, total=len(history), history=history)
    for checkpoint in reversed(history):
        if checkpoint.status == "COMPLETED":
            known.completed += 1
            (known.latest_completed if checkpoint.kind == "CHECKPOINT" else known.latest_savepoint).CopyFrom(checkpoint)
        elif checkpoint.status == "FAILED":
            known.failed += 1
            known.latest_failed.CopyFrom(checkpoint)
        else:
            known.in_progress += 1
    return known


def completed_checkpoint(number: int, kind: str = "CHECKPOINT") -> CheckpointStatistics:
    """A checkpoint that all three tasks have acknowledged."""
    trigger = 910_000 + number * 1000
    return CheckpointStatistics(
        checkpoint_id=number,
        status="COMPLETED",
        kind=kind,
        format="" if kind == "CHECKPOINT" else "CANONICAL",
        trigger_ms=trigger,
        latest_ack_ms=trigger + 42,
        duration_ms=45,
        state_size=5_877,
        checkpointed_size=5_000,
        bytes_processed=48,
        subtasks=3,
        acknowledged=3,
        external_path=f"file:///ckpt/{JOB}/chk-{number}",
        vertices=[
            CheckpointVertex(vertex_id=SOURCE, parallelism=1),
            CheckpointVertex(vertex_id=MAP, parallelism=2),
        ],
        subtask_statistics=[
            _acknowledged(SOURCE, 0, trigger + 10, 0),
            _acknowledged(MAP, 1, trigger + 42, 2910),
            _acknowledged(MAP, 0, trigger + 41, 2967),
        ],
    )


def in_progress_checkpoint(number: int) -> CheckpointStatistics:
    """A checkpoint that nobody has acknowledged."""
    return CheckpointStatistics(
        checkpoint_id=number, status="IN_PROGRESS", kind="CHECKPOINT", trigger_ms=950_000, subtasks=3
    )


def _acknowledged(vertex_id: str, index: int, at_ms: int, size: int) -> SubtaskCheckpointStatistics:
    return SubtaskCheckpointStatistics(
        vertex_id=vertex_id,
        subtask_index=index,
        ack_ms=at_ms,
        metrics=SubtaskCheckpointMetrics(
            sync_ms=index, async_ms=5, alignment_ms=3, start_delay_ms=8, checkpointed_size=size, full_size=size + 1
        ),
    )


def _subtask(index: int, metrics: TaskMetrics, *, attempt: int = 0, manager: str = "tm-1") -> SubtaskDetails:
    host = manager.replace("tm", "host")
    subtask = SubtaskDetails(
        subtask_index=index,
        attempt_number=attempt,
        attempt_id=f"attempt-{index}-{attempt}",
        state="RUNNING",
        task_manager_id=manager,
        host=host,
        data_port=40_000 + int(manager[-1]),
        state_timestamps={**_LIFE, "RUNNING": 901_000 + index},
        metrics=metrics,
        accumulators=[AccumulatorValue(name="emitted", type="IntCounter", whole=str(10 + index))],
    )
    for number in range(attempt):
        subtask.earlier_attempts.append(
            SubtaskDetails(
                subtask_index=index,
                attempt_number=number,
                attempt_id=f"attempt-{index}-{number}",
                state="FAILED",
                task_manager_id="tm-9",
                host="host-9",
                state_timestamps={"CREATED": 900_010, "SCHEDULED": 900_020, "FAILED": 900_090},
                metrics=TaskMetrics(records_in=5),
            )
        )
    return subtask
