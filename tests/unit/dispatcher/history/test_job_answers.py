"""What is archived of a job: the very answers of the REST interface of a running cluster."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from millstream.common.config import Configuration, RestOptions
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from tests.unit.dispatcher.history.archives import answers
from tests.unit.dispatcher.rest.fake_cluster import fake_cluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    MAP,
    SOURCE,
    checkpoints,
    completed_checkpoint,
    ended_job,
    failed_job,
    in_progress_checkpoint,
    put_job,
)
from tests.unit.dispatcher.rest.shapes import differences, shape_of

KNOWN = checkpoints(completed_checkpoint(2), completed_checkpoint(1, "SAVEPOINT"))


@pytest.mark.parametrize("number", range(3))
def test_every_answer_is_that_of_the_rest_interface(number: int) -> None:
    details = (ended_job("FINISHED"), ended_job("CANCELED"), failed_job())[number]
    details.summary.end_time_ms += number  # else one is taken for the other
    configuration = Configuration().set(RestOptions.FLAMEGRAPH_ENABLED, True).set_string("s3.secret-key", "hush")

    async def test() -> None:
        async with fake_cluster(configuration) as cluster:
            put_job(cluster, details, KNOWN)
            compared = 0
            for answer in answers(details, KNOWN, configuration):
                if answer.path.endswith("jobmanager/environment"):
                    continue  # that of the process which asks
                of_the_process = answer.path.removeprefix(f"/jobs/{JOB}")  # a job has the same settings as its master
                path = of_the_process if of_the_process.startswith("/jobmanager") else answer.path
                if answer.path.endswith(("backpressure", "watermarks")):
                    continue  # made of metrics, which a cluster would have to be asked for
                assert differences(json.loads(answer.body), shape_of("GET", path)) == [], answer.path
                assert await cluster.get(answer.path) == json.loads(answer.body), answer.path
                compared += 1
            assert compared > 30

    asyncio.run(test())


def test_all_parts_of_a_job_are_there() -> None:
    known = checkpoints(in_progress_checkpoint(3), completed_checkpoint(2), completed_checkpoint(1, "SAVEPOINT"))
    paths = [answer.path for answer in answers(failed_job(), known)]
    assert len(paths) == len(set(paths))
    job, vertex = f"/jobs/{JOB}", f"/jobs/{JOB}/vertices/{MAP}"
    assert {
        "/jobs/overview",
        job,
        f"{job}/plan",
        f"{job}/config",
        f"{job}/exceptions",
        f"{job}/accumulators",
        f"{job}/execution-result",
        f"{job}/jobmanager/config",
        f"{job}/checkpoints",
        f"{job}/checkpoints/config",
        *(f"{job}/checkpoints/details/{number}" for number in (1, 2, 3)),
        f"{job}/checkpoints/details/2/subtasks/{SOURCE}",
        vertex,
        f"{vertex}/subtasktimes",
        f"{vertex}/taskmanagers",
        f"{vertex}/accumulators",
        f"{vertex}/subtasks/accumulators",
        f"{vertex}/subtasks/0",
        f"{vertex}/subtasks/0/attempts/0",
        f"{vertex}/subtasks/0/attempts/1",
        f"{vertex}/subtasks/1/attempts/0/accumulators",
    } <= set(paths)


def test_secrets_are_masked() -> None:
    everything = b"".join(
        answer.body for answer in answers(failed_job(), KNOWN, Configuration().set_string("s3.secret-key", "hush"))
    )
    assert b"s3.secret-key" in everything
    assert b"hush" not in everything
    assert b"hunter2" not in everything


def test_a_batch_job_without_checkpoints_has_none() -> None:
    details = ended_job("FINISHED")
    details.job_type = "BATCH"
    assert not [answer for answer in answers(details, JobCheckpoints()) if "checkpoints" in answer.path]


def test_a_job_that_could_not_start_has_answers_too() -> None:
    details = ended_job("FAILED")
    del details.vertices[:], details.plan[:]
    details.configuration["execution.checkpointing.max-concurrent-checkpoints"] = "0"
    found: dict[str, Any] = {answer.path: json.loads(answer.body) for answer in answers(details, JobCheckpoints())}
    assert found[f"/jobs/{JOB}"]["vertices"] == []
    assert f"/jobs/{JOB}/checkpoints" in found
