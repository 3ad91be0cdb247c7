"""Accumulators of a job, a vertex, its subtasks, and their attempts."""

from __future__ import annotations

import base64

from tests.unit.dispatcher.rest.asking import ask, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import JOB, MAP, put_job, running_job

_VERTEX = f"/jobs/{JOB}/vertices/{MAP}"


def test_of_a_job() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        answer = await ask(cluster, f"/jobs/{JOB}/accumulators")
        emitted, broken = answer["user-task-accumulators"]
        assert emitted == {"name": "emitted", "type": "IntCounter", "value": "1704"}
        assert broken["value"].startswith("ValueError: bad price")
        assert (answer["job-accumulators"], answer["serialized-user-task-accumulators"]) == ([], {})

    tell(story)


def test_of_a_job_with_the_values_themselves() -> None:
    async def story(cluster: FakeCluster) -> None:
        details = running_job()
        details.accumulators.add(name="seen", type="IntMaximum", text="12")
        put_job(cluster, details)
        answer = await ask(cluster, f"/jobs/{JOB}/accumulators?includeSerializedValue=true")
        values = answer["serialized-user-task-accumulators"]
        assert {name: base64.b64decode(value) for name, value in values.items()} == {
            "emitted": b"\x80\x05K\x01.",
            "seen": b"12",
        }

    tell(story)


def test_of_a_vertex_and_its_subtasks() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        assert await ask(cluster, f"{_VERTEX}/accumulators") == {
            "id": MAP,
            "user-accumulators": [{"name": "emitted", "type": "IntCounter", "value": "21"}],
        }
        answer = await ask(cluster, f"{_VERTEX}/subtasks/accumulators")
        assert (answer["id"], answer["parallelism"]) == (MAP, 2)
        assert [subtask["user-accumulators"][0]["value"] for subtask in answer["subtasks"]] == ["10", "11"]
        assert answer["subtasks"][1]["endpoint"] == "host-2:40002"

    tell(story)


def test_of_an_attempt() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        path = f"{_VERTEX}/subtasks/0/attempts"
        assert await ask(cluster, f"{path}/1/accumulators") == {
            "subtask": 0,
            "attempt": 1,
            "id": "attempt-0-1",
            "user-accumulators": [{"name": "emitted", "type": "IntCounter", "value": "10"}],
        }
        assert (await ask(cluster, f"{path}/0/accumulators"))["user-accumulators"] == []

    tell(story)
