"""All that the REST interface has to say of a job that has ended, path by path.

The bodies are made by the functions that also make the answers of a running cluster, so a job looks the same here and
there. Figures of running tasks (metrics) are gone with the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.errors import ConfigurationError
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails, SubtaskDetails, VertexDetails
from millstream.dispatcher.history.answer import OVERVIEW, Answer
from millstream.dispatcher.rest.messages.flame_graphs import TERMINATED
from millstream.dispatcher.rest.messages.job_plan import JobPlanInfo
from millstream.dispatcher.rest.payloads.accumulators import (
    attempt_accumulators,
    job_accumulators,
    subtasks_accumulators,
    vertex_accumulators,
)
from millstream.dispatcher.rest.payloads.back_pressure import back_pressure
from millstream.dispatcher.rest.payloads.checkpoint_config import checkpoint_config
from millstream.dispatcher.rest.payloads.checkpoint_subtasks import checkpoint_subtasks
from millstream.dispatcher.rest.payloads.checkpoints import checkpoint_details, checkpoints_overview
from millstream.dispatcher.rest.payloads.exceptions import job_exceptions
from millstream.dispatcher.rest.payloads.execution_result import execution_result
from millstream.dispatcher.rest.payloads.job_config import job_config, settings_of_job
from millstream.dispatcher.rest.payloads.job_plan import job_plan
from millstream.dispatcher.rest.payloads.jobmanager import configuration_entries, environment
from millstream.dispatcher.rest.payloads.jobs import job_details, job_status, jobs_overview
from millstream.dispatcher.rest.payloads.vertices import (
    job_vertex,
    subtask_details,
    subtask_times,
    task_managers_of_vertex,
)

__all__ = ["job_answers"]

_LEAST_EXCEPTIONS = 20


def job_answers(
    details: JobDetails,
    checkpoints: JobCheckpoints,
    configuration: Configuration,
    command_line: Sequence[str],
    now_ms: int,
) -> Iterator[Answer]:
    """Return the answers about one job, one after the other.

    :param details: its last report.
    :param configuration: of the master.
    :param command_line: of the master's process, the program itself left out.
    :param now_ms: what the answers give as the time of their making.
    """
    job = f"/jobs/{details.summary.job_id}"
    settings = settings_of_job(configuration, details)
    most_exceptions = max(_LEAST_EXCEPTIONS, settings.get(JobManagerOptions.EXCEPTION_HISTORY_SIZE))
    yield _answer(OVERVIEW, jobs_overview([details.summary], now_ms))
    yield _answer(job, job_details(details, now_ms))
    yield _answer(f"{job}/status", job_status(details))
    yield _answer(f"{job}/plan", JobPlanInfo(plan=job_plan(details)))
    yield _answer(f"{job}/config", job_config(details, settings))
    yield _answer(f"{job}/exceptions", job_exceptions(details, most_exceptions, {}))
    yield _answer(f"{job}/accumulators", job_accumulators(details, with_serialized=False))
    yield _answer(f"{job}/execution-result", execution_result(details))
    yield _list_answer(f"{job}/jobmanager/config", configuration_entries(configuration))
    yield _answer(f"{job}/jobmanager/environment", environment(command_line))
    yield from _of_checkpoints(f"{job}/checkpoints", details, checkpoints, settings)
    for vertex in details.vertices:
        yield from _of_vertex(f"{job}/vertices/{vertex.vertex_id}", vertex, now_ms)


def _of_checkpoints(
    path: str, details: JobDetails, checkpoints: JobCheckpoints, settings: Configuration
) -> Iterator[Answer]:
    if details.job_type == "BATCH" and not checkpoints.enabled:
        return
    yield _answer(path, checkpoints_overview(checkpoints))
    try:
        yield _answer(f"{path}/config", checkpoint_config(settings))
    except ConfigurationError:  # then the job has failed with it, and its failure says more
        pass
    for checkpoint in _known(checkpoints):
        of_one = f"{path}/details/{checkpoint.checkpoint_id}"
        yield _answer(of_one, checkpoint_details(checkpoint, details.vertices))
        for vertex in details.vertices:
            yield _answer(
                f"{of_one}/subtasks/{vertex.vertex_id}",
                checkpoint_subtasks(checkpoint, vertex.vertex_id, vertex.parallelism),
            )


def _known(checkpoints: JobCheckpoints) -> list[CheckpointStatistics]:
    """The checkpoints of which anything is known, each once."""
    latest = (checkpoints.latest_completed, checkpoints.latest_savepoint, checkpoints.latest_failed)
    known: dict[int, CheckpointStatistics] = {}
    for checkpoint in (*checkpoints.history, *latest):
        if checkpoint.status:
            known.setdefault(checkpoint.checkpoint_id, checkpoint)
    return list(known.values())


def _of_vertex(path: str, vertex: VertexDetails, now_ms: int) -> Iterator[Answer]:
    yield _answer(path, job_vertex(vertex, now_ms))
    yield _answer(f"{path}/subtasktimes", subtask_times(vertex, now_ms))
    yield _answer(f"{path}/taskmanagers", task_managers_of_vertex(vertex, now_ms))
    yield _answer(f"{path}/accumulators", vertex_accumulators(vertex))
    yield _answer(f"{path}/subtasks/accumulators", subtasks_accumulators(vertex))
    yield _answer(f"{path}/backpressure", back_pressure({}, now_ms))
    yield _answer(f"{path}/flamegraph", TERMINATED)
    yield _list_answer(f"{path}/watermarks", [])
    for subtask in vertex.subtasks:
        yield from _of_subtask(f"{path}/subtasks/{subtask.subtask_index}", subtask, now_ms)


def _of_subtask(path: str, subtask: SubtaskDetails, now_ms: int) -> Iterator[Answer]:
    yield _answer(path, subtask_details(subtask, now_ms))
    for attempt in (subtask, *subtask.earlier_attempts):
        of_attempt = f"{path}/attempts/{attempt.attempt_number}"
        yield _answer(of_attempt, subtask_details(attempt, now_ms))
        yield _answer(f"{of_attempt}/accumulators", attempt_accumulators(attempt))


def _answer(path: str, body: BaseModel) -> Answer:
    return Answer(path, body.model_dump_json(by_alias=True).encode())


def _list_answer(path: str, body: Sequence[BaseModel]) -> Answer:
    items = (item.model_dump_json(by_alias=True).encode() for item in body)
    return Answer(path, b"[" + b",".join(items) + b"]")
