"""A job on a highly available cluster under fixed faults: its output is exact, it runs on soon, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.highly_available import HighlyAvailableChaos, RunSettings

MOST_SECONDS_TO_RUN = 20.0


def strike(
    directory: Path, seed: int, *kinds: str, servers: int = 1, both_ends: bool = False, own_networks: bool = False
) -> None:
    said: list[str] = []
    settings = RunSettings(
        seed,
        0.0,
        every=1.5,
        count=20_000,
        per_second=1_000.0,
        zookeeper_servers=servers,
        kinds=kinds,
        own_networks=own_networks,
        both_ends=both_ends,
    )
    report = HighlyAvailableChaos(directory, settings, said.append).run()
    story = "\n".join([*said, *report.problems])
    assert report.problems == [], story
    assert report.in_vain == 0, story
    assert report.running_after < MOST_SECONDS_TO_RUN, story


@pytest.mark.usefixtures("zookeeper")
def test_processes_that_are_killed(tmp_path: Path) -> None:
    strike(
        tmp_path, 1, "taskmanager killed", "while checkpointing", "leader killed", "while committing", both_ends=True
    )


@pytest.mark.usefixtures("zookeeper")
def test_processes_that_come_back_from_the_dead(tmp_path: Path) -> None:
    strike(tmp_path, 2, "leader frozen", "taskmanager frozen")


@pytest.mark.usefixtures("zookeeper")
def test_zookeeper_servers_that_die_or_hang(tmp_path: Path) -> None:
    strike(tmp_path, 3, "zookeeper server killed", "zookeeper quorum lost", servers=3)


@pytest.mark.usefixtures("zookeeper", "namespaces")
def test_hosts_that_are_cut_apart(tmp_path: Path) -> None:
    kinds = "worker killed", "taskmanagers cut apart", "leader cut from zookeeper", "taskmanager cut from leader"
    strike(tmp_path, 5, *kinds, own_networks=True)
