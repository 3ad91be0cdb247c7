"""``millstream ha`` on a model of ZooKeeper and real files."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.client.cli.main import main
from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.high_availability import create
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.high_availability.zookeeper.zookeeper_leadership import ZooKeeperLeadership
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper

RUNNING, ENDED, LOST = (JobID(f"{number:032x}") for number in (1, 2, 3))
LATCH = "/leader/latch"

Work = Callable[[ZooKeeperLeadership], Awaitable[None]]


class Cluster:
    """What masters leave behind."""

    def __init__(self, directory: Path) -> None:
        self.zookeeper = SimulatedZooKeeper()
        self.storage = directory / "ha"
        self.options = [
            "-Dhigh-availability.type=zookeeper",
            "-Dhigh-availability.zookeeper.quorum=localhost:2181",
            f"-Dhigh-availability.storageDir={self.storage}",
        ]

    def lead(self, work: Work, cluster_id: str = "default", *, stays: bool = False) -> None:
        """Do some work as the leader of a term.

        :param stays: the leader is alive afterwards.
        """

        async def term() -> None:
            client = self.zookeeper.client(f"/flink/{cluster_id}")
            await client.start()
            identity = b'{"address": "master:6123", "pid": 7, "host": "master"}'
            node = await client.create(f"{LATCH}/{'a' * 32}-", identity, ephemeral=True, sequential=True)
            configuration = (
                Configuration()
                .set(HighAvailabilityOptions.STORAGE_DIR, str(self.storage))
                .set(HighAvailabilityOptions.CLUSTER_ID, cluster_id)
            )
            storage = HighAvailabilityStorage(configuration, None)
            await work(ZooKeeperLeadership(client, node, storage, "/jobgraphs", lambda: None))
            if not stays:
                await client.close()

        asyncio.run(term())

    def files(self) -> list[str]:
        return sorted(path.name[:32] for path in self.storage.rglob("*-*") if path.is_file())

    def nodes(self) -> list[str]:
        return [path.removeprefix("/flink") for path in self.zookeeper.paths() if path.startswith("/flink")]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    made = Cluster(tmp_path)
    monkeypatch.setattr(create, "create_zookeeper_client", lambda _, node: made.zookeeper.client(node))
    return made


async def three_jobs(leadership: ZooKeeperLeadership) -> None:
    """One runs, one has ended, of one the graph's file is lost."""
    for job_id in (RUNNING, ENDED, LOST):
        await leadership.job_graphs.put(JobGraph(job_id=job_id, name="job"))
        pointers = leadership.checkpoints(job_id)
        await pointers.reserve(1)
        await pointers.add(CheckpointPointer(1, f"file:///checkpoints/{job_id}/chk-1", True))
    await leadership.job_results.put_dirty(JobDetails(summary=JobSummary(job_id=ENDED, state="FINISHED")))
    await leadership.forget_job(ENDED)
    await leadership.job_results.mark_clean(ENDED)


async def nothing(leadership: ZooKeeperLeadership) -> None:
    assert leadership.is_valid


def lose_graph(cluster: Cluster) -> None:
    (path,) = cluster.storage.rglob(f"job-graphs/{LOST}-*")
    path.unlink()


def test_list_shows_what_is_kept(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs)
    lose_graph(cluster)
    cluster.lead(nothing, "other", stays=True)
    assert main(["ha", "list", *cluster.options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ZooKeeper at zookeeper-1:2181 (/flink)"
    assert lines[2:5] == ["Cluster /default", f"  Storage: {cluster.storage}/default", "  Masters: none is alive"]
    assert f"    {RUNNING}: would be recovered" in lines
    assert f"      1 checkpoint, the last is 1 in file:///checkpoints/{RUNNING}/chk-1" in lines
    assert f"    {ENDED}: has ended (FINISHED)" in lines
    assert f"    {LOST}: its graph's file is gone" in lines
    assert f"    node /jobgraphs/{LOST} (its graph's file is gone)" in lines
    assert lines[-2:] == [
        "Other clusters",
        "  /other: led by master:6123; 1 master, 0 jobs (0 to be recovered), 0 files, 0 pieces of garbage",
    ]


def test_list_shows_another_cluster_or_all(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs, "team/one", stays=True)
    cluster.lead(nothing, "two")
    assert main(["ha", "list", "--cluster-id", "team/one", *cluster.options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "Cluster /team/one"
    assert "    master:6123 (process 7 on master) leads" in lines
    assert "  Garbage: none" in lines
    assert main(["ha", "list", "--all", *cluster.options]) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("Cluster")] == [
        "Cluster /team/one",
        "Cluster /two",
    ]


def test_documents_of_what_is_kept_and_of_garbage(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs)
    lose_graph(cluster)
    cluster.lead(nothing, "other", stays=True)
    assert main(["ha", "list", "--json", *cluster.options]) == 0
    own, other = json.loads(capsys.readouterr().out)["clusters"]
    assert (own["cluster-id"], own["masters"]) == ("/default", [])
    assert {job["jid"]: job["standing"] for job in own["jobs"]}[RUNNING] == "RECOVERABLE"
    assert len(own["garbage"]) == 2
    assert [master["leads"] for master in other["masters"]] == [True]
    assert main(["ha", "clean", "--dry-run", "--json", *cluster.options]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 0
    assert main(["ha", "clean", "--yes", "--json", *cluster.options]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"cluster-id": "/default", "garbage": own["garbage"], "removed": 2}
    assert "Removed 2 of 2." in captured.err


def test_clean_removes_garbage_and_nothing_else(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs)
    lose_graph(cluster)
    (cluster.storage / "default" / "job-graphs" / f"{ENDED}-{0:016x}").write_bytes(b"left behind")
    (cluster.storage / "default" / "job-graphs" / "README-of-somebody").write_bytes(b"not ours")
    before = cluster.nodes(), cluster.files()
    assert main(["ha", "clean", "--dry-run", *cluster.options]) == 0
    previewed = capsys.readouterr().out
    assert (cluster.nodes(), cluster.files()) == before
    assert main(["ha", "clean", "--yes", *cluster.options]) == 0
    assert capsys.readouterr().out == previewed + "Removed 3 of 3.\n"
    assert f"The files of checkpoints stay; the last ones of these jobs are in\n  {LOST}: file:" in previewed
    assert not [path for path in cluster.nodes() if LOST in path]
    assert f"/default/jobs/{RUNNING}/checkpoints/{1:019d}" in cluster.nodes()
    assert f"/default/results/{ENDED}" in cluster.nodes()
    assert cluster.files() == [RUNNING, ENDED, "README-of-somebody"]
    assert main(["ha", "clean", "--yes", *cluster.options]) == 0
    assert capsys.readouterr().out == "There is no garbage of /default.\n"


def test_clean_all_removes_all_of_the_one_cluster(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs)
    cluster.lead(three_jobs, "other")
    assert main(["ha", "clean", "--all", "--yes", *cluster.options]) == 0
    assert "2 of its jobs could be recovered" in capsys.readouterr().out
    assert not [path for path in cluster.nodes() if path.startswith("/default")]
    assert f"/other/jobgraphs/{RUNNING}" in cluster.nodes()
    assert cluster.files() == [RUNNING, ENDED, LOST]


def test_clean_leaves_a_cluster_alone_that_has_a_master(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.lead(three_jobs, stays=True)
    lose_graph(cluster)
    old, new = (cluster.storage / "default" / "job-graphs" / f"{ENDED}-{number:016x}" for number in range(2))
    for path in (old, new):
        path.write_bytes(b"left behind")
    os.utime(old, (1, 1))
    nodes = cluster.nodes()
    assert main(["ha", "clean", "--yes", *cluster.options]) == 1
    errors = capsys.readouterr().err
    assert "A master of the cluster /default is alive, or was a moment ago (master:6123)" in errors
    assert "--force" in errors
    assert old.exists()
    assert main(["ha", "clean", "--yes", "--force", *cluster.options]) == 0
    assert "Removed 1 of 1." in capsys.readouterr().out
    assert cluster.nodes() == nodes
    assert new.exists()
    assert not old.exists()


def test_clean_asks(cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.lead(three_jobs)
    lose_graph(cluster)
    nodes = cluster.nodes()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(["ha", "clean", *cluster.options]) == 1
    assert "There is no terminal to ask on: give --yes" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda _, err: False)
    assert main(["ha", "clean", *cluster.options]) == 0
    assert capsys.readouterr().out.endswith("Nothing was removed.\n")
    assert cluster.nodes() == nodes
    monkeypatch.setattr("click.confirm", lambda _, err: True)
    assert main(["ha", "clean", *cluster.options]) == 0
    assert capsys.readouterr().out.endswith("Removed 2 of 2.\n")


def test_clean_makes_nothing_of_a_cluster_that_is_not_there(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = cluster.storage / "typo" / "job-graphs" / f"{ENDED}-{0:016x}"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left behind")
    assert main(["ha", "clean", "--yes", "--cluster-id", "typo", *cluster.options]) == 0
    assert "Removed 1 of 1." in capsys.readouterr().out
    assert not stray.exists()
    assert cluster.nodes() == [""]
    for action in (["list"], ["clean", "--yes"], ["clean", "--yes", "--all"]):
        assert main(["ha", *action, "--cluster-id", "typo", *cluster.options]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "Nothing is kept for the cluster /typo."
    assert cluster.nodes() == [""]


def test_what_is_wrong_with_the_settings_is_told(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ha", "list"]) == 1
    assert "high-availability.type is NONE: nothing is kept for other masters" in capsys.readouterr().err
    assert main(["ha", "list", *cluster.options[:2]]) == 1
    assert "high-availability.storageDir is not set" in capsys.readouterr().err
    assert main(["ha", "clean", "--all", "--force", *cluster.options]) == 1
    assert "--force cannot be given too" in capsys.readouterr().out
    assert main(["ha", "list", "--cluster-id", "/", *cluster.options]) == 1
    assert "the cluster needs a name of its own" in capsys.readouterr().err
