"""The plan of a job, and its settings."""

from __future__ import annotations

from millstream.common.wire.cluster_pb2 import JobDetails
from tests.unit.dispatcher.rest.asking import ask, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster
from tests.unit.dispatcher.rest.job_reports import JOB, SOURCE, job_summary, put_job, running_job


def test_the_plan() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        plan = (await ask(cluster, f"/jobs/{JOB}/plan"))["plan"]
        assert (plan["jid"], plan["type"]) == (JOB, "STREAMING")
        source, mapper = plan["nodes"]
        assert source == {
            "id": SOURCE,
            "parallelism": 1,
            "operator": "",
            "operator_strategy": "",
            "description": "Source: orders<br/>",
            "optimizer_properties": {},
        }
        assert mapper["inputs"] == [{"num": 0, "id": SOURCE, "ship_strategy": "HASH", "exchange": "pipelined_bounded"}]

    tell(story)


def test_names_of_operators_do_not_become_html() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        plan = (await ask(cluster, f"/jobs/{JOB}/plan"))["plan"]
        assert plan["nodes"][1]["description"] == "map &lt;lambda&gt;<br/>+- sink &amp; co<br/>"

    tell(story)


def test_the_settings() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, running_job())
        assert await ask(cluster, f"/jobs/{JOB}/config") == {
            "jid": JOB,
            "name": "orders <b>",
            "execution-config": {
                "execution-mode": "PIPELINED",
                "restart-strategy": "Restart with fixed delay (10000 ms). #3 restart attempts.",
                "job-parallelism": 2,
                "object-reuse-mode": False,
                "user-config": {"input": "/in", "api-key": "******"},
            },
        }

    tell(story)


def test_the_settings_of_a_batch_job_that_has_none() -> None:
    async def story(cluster: FakeCluster) -> None:
        put_job(cluster, JobDetails(summary=job_summary("RUNNING"), job_type="BATCH"))
        config = (await ask(cluster, f"/jobs/{JOB}/config"))["execution-config"]
        assert (config["execution-mode"], config["job-parallelism"], config["user-config"]) == ("BATCH", 1, {})

    tell(story)
