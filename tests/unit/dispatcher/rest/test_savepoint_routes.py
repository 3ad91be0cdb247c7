"""Savepoints, stopping with one, checkpoints out of turn: what the Dispatcher is asked, and what clients are told."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Final

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import JobNotFoundError, MillstreamError, OperationNotFoundError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.dispatcher.rest.asking import ask, first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

JOB, TRIGGER = "a" * 32, "0123456789abcdef" * 2
SAVEPOINTS, STOP, CHECKPOINTS = f"/jobs/{JOB}/savepoints", f"/jobs/{JOB}/stop", f"/jobs/{JOB}/checkpoints"
DIRECTORY: Final[dict[str, object]] = {"target-directory": "file:///savepoints"}


def _fill(cluster: FakeCluster, state: str = "RUNNING", **configuration: str) -> None:
    """A Dispatcher that knows one job and begins whatever is asked of it."""
    cluster.dispatcher.answers["get_job_details"] = pb.JobDetails(
        summary=pb.JobSummary(job_id=JOB, state=state),
        configuration={key.replace("_", "."): value for key, value in configuration.items()},
    )
    for method in ("trigger_savepoint", "trigger_checkpoint"):
        cluster.dispatcher.answers[method] = lambda request: pb.OperationStarted(request_id=request.request_id)


def _asked(cluster: FakeCluster, method: str) -> Any:
    """What the Dispatcher was asked last."""
    return cluster.dispatcher.requests[method][-1]


def test_a_savepoint_is_begun_and_asked_for() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        answer = await ask(cluster, SAVEPOINTS, 202, "POST", DIRECTORY | {"cancel-job": False})
        request_id = answer["request-id"]
        assert len(request_id) == 32
        assert _asked(cluster, "trigger_savepoint") == pb.TriggerSavepointRequest(
            job_id=JOB, target_directory="file:///savepoints", mode="SAVEPOINT", request_id=request_id
        )
        path = f"{SAVEPOINTS}/{request_id}"
        cluster.dispatcher.answers["await_operation"] = pb.OperationStatus()
        assert await ask(cluster, path) == {"status": {"id": "IN_PROGRESS"}, "operation": None}
        cluster.dispatcher.answers["await_operation"] = pb.OperationStatus(
            completed=True, location="file:/savepoints/savepoint-1", checkpoint_id=4
        )
        assert await ask(cluster, path) == {
            "status": {"id": "COMPLETED"},
            "operation": {"location": "file:/savepoints/savepoint-1"},
        }
        assert _asked(cluster, "await_operation") == pb.AwaitOperationRequest(job_id=JOB, request_id=request_id)

    tell(story)


def test_a_failure_is_a_result_too() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["await_operation"] = pb.OperationStatus(
            completed=True, failure=engine_failure(ENGINE, "file:///proc/nope cannot be made", exception_type="OSError")
        )
        answer = await ask(cluster, f"{SAVEPOINTS}/{TRIGGER}")
        assert answer["status"] == {"id": "COMPLETED"}
        assert list(answer["operation"]) == ["failure-cause"]
        cause = answer["operation"]["failure-cause"]
        assert cause.keys() == {"class", "stack-trace", "serialized-throwable"}
        assert cause["class"] == "OSError"
        assert cause["stack-trace"].startswith("OSError: file:///proc/nope cannot be made")
        base64.b64decode(cause["serialized-throwable"], validate=True)

    tell(story)


_WISHES: Final[list[tuple[str, dict[str, object], dict[str, str]]]] = [
    (SAVEPOINTS, DIRECTORY | {"cancel-job": True}, {"mode": "CANCEL"}),
    (SAVEPOINTS, DIRECTORY | {"formatType": "NATIVE", "bogus": 1}, {"mode": "SAVEPOINT", "format": "NATIVE"}),
    (SAVEPOINTS, DIRECTORY | {"triggerId": TRIGGER.upper()}, {"mode": "SAVEPOINT", "request_id": TRIGGER}),
    (STOP, {"targetDirectory": "file:///savepoints"}, {"mode": "STOP"}),
    (STOP, {"targetDirectory": "file:///savepoints", "drain": False}, {"mode": "STOP"}),
    (
        STOP,
        {"targetDirectory": "file:///savepoints", "drain": True, "formatType": "CANONICAL", "triggerId": TRIGGER},
        {"mode": "DRAIN", "format": "CANONICAL", "request_id": TRIGGER},
    ),
]


def test_what_is_wished_reaches_the_dispatcher() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for path, body, request_fields in _WISHES:
            answer = await ask(cluster, path, 202, "POST", body)
            expected = {"request_id": answer["request-id"]} | request_fields
            assert answer["request-id"] == expected["request_id"]
            assert _asked(cluster, "trigger_savepoint") == pb.TriggerSavepointRequest(
                job_id=JOB, target_directory="file:///savepoints", **expected
            )

    tell(story)


def test_a_place_is_needed_unless_one_is_configured() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for path in (SAVEPOINTS, STOP):
            for body in (None, {}, {"target-directory": None, "targetDirectory": None}):
                error = await first_error(cluster, path, 400, "POST", body)
                assert "is not set. Property [target-directory] must be provided." in error
        _fill(cluster, state_savepoints_dir="file:///configured")
        await ask(cluster, SAVEPOINTS, 202, "POST")
        assert _asked(cluster, "trigger_savepoint").target_directory == ""
        await ask(cluster, STOP, 202, "POST")

    tell(story)


_WRONG: Final[list[tuple[str, object]]] = [
    (SAVEPOINTS, {"formatType": "ZIP"}),
    (SAVEPOINTS, {"triggerId": "1"}),
    (SAVEPOINTS, {"cancel-job": "perhaps"}),
    (SAVEPOINTS, []),
    (STOP, {"drain": 7}),
    (CHECKPOINTS, {"checkpointType": "HALF"}),
    ("/savepoint-disposal", {}),
    ("/savepoint-disposal", None),
    ("/savepoint-disposal", {"savepoint-path": None}),
]


def test_bodies_that_are_wrong() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for path, body in _WRONG:
            error = await first_error(cluster, path, 400, "POST", body)
            assert error.startswith("Request did not match expected format")

    tell(story)


def test_jobs_that_are_not_there_or_have_ended() -> None:
    async def story(cluster: FakeCluster) -> None:
        for method in ("trigger_savepoint", "trigger_checkpoint", "get_job_details"):
            cluster.dispatcher.answers[method] = JobNotFoundError("no such job")
        assert await first_error(cluster, SAVEPOINTS, 404, "POST") == f"Job {JOB} not found"
        assert await first_error(cluster, SAVEPOINTS, 404, "POST", DIRECTORY) == f"Job {JOB} not found"
        assert await first_error(cluster, CHECKPOINTS, 404, "POST") == f"Job {JOB} not found"
        _fill(cluster, state="FINISHED")
        for method in ("trigger_savepoint", "trigger_checkpoint"):
            cluster.dispatcher.answers[method] = MillstreamError("it does not run")
        assert await first_error(cluster, SAVEPOINTS, 409, "POST", DIRECTORY) == "it does not run"
        assert await first_error(cluster, CHECKPOINTS, 409, "POST", {}) == "it does not run"
        _fill(cluster)
        cluster.dispatcher.answers["trigger_checkpoint"] = MillstreamError("something is broken")
        assert await first_error(cluster, CHECKPOINTS, 500, "POST", {}) == "Internal server error."

    tell(story)


def test_operations_that_are_not_there() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.dispatcher.answers["await_operation"] = OperationNotFoundError("none such")
        for kind, path in (
            ("savepoint", SAVEPOINTS),
            ("checkpoint", CHECKPOINTS),
            ("rescaling", f"/jobs/{JOB}/rescaling"),
        ):
            assert await first_error(cluster, f"{path}/{TRIGGER}", 404) == (
                f"There is no {kind} operation with triggerId={TRIGGER} for job {JOB}."
            )
        assert await first_error(cluster, f"/savepoint-disposal/{TRIGGER}", 404) == (
            f"There is no savepoint disposal operation with triggerId={TRIGGER}."
        )
        assert "(triggerid)" in await first_error(cluster, f"{SAVEPOINTS}/xyz", 400)

    tell(story)


def test_cancelling_can_be_switched_off() -> None:
    async def story() -> None:
        async with fake_cluster(Configuration.from_map({"web.cancel.enable": "false"})) as cluster:
            _fill(cluster)
            error = await first_error(cluster, SAVEPOINTS, 403, "POST", DIRECTORY | {"cancel-job": True})
            assert "web.cancel.enable" in error
            await ask(cluster, SAVEPOINTS, 202, "POST", DIRECTORY)

    asyncio.run(story())


def test_a_checkpoint_is_begun_and_asked_for() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        bodies: list[tuple[dict[str, str] | None, bool]] = [
            (None, False),
            ({}, False),
            ({"checkpointType": "CONFIGURED"}, False),
            ({"checkpointType": "FULL"}, True),
        ]
        for body, full in bodies:
            request_id = (await ask(cluster, CHECKPOINTS, 202, "POST", body))["request-id"]
            begun = _asked(cluster, "trigger_checkpoint")
            assert (begun.job_id, begun.full) == (JOB, full)
            path = f"{CHECKPOINTS}/{request_id}"
            cluster.dispatcher.answers["await_operation"] = pb.OperationStatus()
            assert await cluster.get(path) == {"status": {"id": "IN_PROGRESS"}, "operation": None}
            cluster.dispatcher.answers["await_operation"] = pb.OperationStatus(completed=True, checkpoint_id=8)
            assert await ask(cluster, path) == {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 8}}
            assert _asked(cluster, "await_operation").request_id == begun.request_id

    tell(story)


def test_the_same_id_for_a_savepoint_and_a_checkpoint_means_two_things() -> None:
    async def story(cluster: FakeCluster) -> None:
        _fill(cluster)
        for path in (SAVEPOINTS, CHECKPOINTS):
            answer = await ask(cluster, path, 202, "POST", DIRECTORY | {"triggerId": TRIGGER})
            assert answer == {"request-id": TRIGGER}
        assert _asked(cluster, "trigger_savepoint").request_id != _asked(cluster, "trigger_checkpoint").request_id

    tell(story)


def test_a_savepoint_is_disposed_of() -> None:
    async def story(cluster: FakeCluster) -> None:
        may_end = asyncio.Event()

        async def dispose(request: pb.DisposeSavepointRequest) -> pb.Empty:
            assert request.path == "file:/savepoints/one"
            await may_end.wait()
            return pb.Empty()

        cluster.dispatcher.answers["dispose_savepoint"] = dispose
        body = {"savepoint-path": "file:/savepoints/one"}
        path = f"/savepoint-disposal/{(await ask(cluster, '/savepoint-disposal', 200, 'POST', body))['request-id']}"
        assert (await cluster.get(path))["status"] == {"id": "IN_PROGRESS"}
        may_end.set()
        assert await _completed(cluster, path) == {}
        cluster.dispatcher.answers["dispose_savepoint"] = MillstreamError("there is no savepoint")
        path = f"/savepoint-disposal/{(await ask(cluster, '/savepoint-disposal', 200, 'POST', body))['request-id']}"
        cause = (await _completed(cluster, path))["failure-cause"]
        assert "there is no savepoint" in cause["stack-trace"]

    tell(story)


async def _completed(cluster: FakeCluster, path: str) -> Any:
    for _ in range(100):  # turns of the event loop, one of which brings it
        answer = await cluster.get(path)
        if answer["status"] == {"id": "COMPLETED"}:
            return answer["operation"]
        await asyncio.sleep(0)
    pytest.fail("the operation does not end")
