"""Answers about jobs fit the description that clients are generated from."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails
from tests.unit.dispatcher.rest.asking import tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import (
    JOB,
    MAP,
    checkpoints,
    completed_checkpoint,
    ended_job,
    failed_job,
    in_progress_checkpoint,
    put_job,
    running_job,
)

_PARAMETERS = {"jobid": JOB, "vertexid": MAP, "subtaskindex": "0", "attempt": "1", "checkpointid": "5"}
_TAGS = {"jobs", "vertices", "accumulators", "checkpoints"}


@pytest.mark.parametrize(
    ("details", "known"),
    [
        (running_job(), checkpoints(completed_checkpoint(6, "SAVEPOINT"), in_progress_checkpoint(5))),
        (failed_job(), checkpoints(completed_checkpoint(5))),
        (ended_job("FINISHED"), checkpoints(completed_checkpoint(5))),
    ],
    ids=["running", "failed", "finished"],
)
def test_answers_fit_their_description(details: JobDetails, known: JobCheckpoints) -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, details, known)
        description = await cluster.get("/openapi.json")
        asked = 0
        for template, operations in description["paths"].items():
            operation = operations.get("get", {})
            if "200" not in operation.get("responses", {}) or not _TAGS & set(operation["tags"]):
                continue
            if "{triggerid}" in template:  # needs an operation
                continue
            answer = await cluster.get(template.format(**_PARAMETERS))
            assert _violations(description, operation, answer) == [], template
            asked += 1
        assert asked >= 20

    tell(story)


def _violations(description: Any, operation: Any, answer: Any) -> list[str]:
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator = OAS31Validator({**schema, "components": description["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]
