"""Faults of the network between hosts: cables pulled, paths cut both ways or one way, silently, and mended again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from millstream.client.remote.job_client import RpcJobClient
from millstream.testing.network_namespaces import NetworkNamespaces
from tests.chaos.faults import Blow, Fault, find_leader
from tests.chaos.site import HEARTBEAT_TIMEOUT, SESSION_TIMEOUT, Site

__all__ = ["PARTITIONS"]

_LONGER = 2.0
"""Seconds beyond a timeout."""

Choose = Callable[[Site, random.Random], tuple[str | None, list[str | None]]]
"""Returns who is cut from whom; ``None`` is the host of the client."""


def _task_managers(site: Site, chance: random.Random) -> tuple[str | None, list[str | None]]:
    one, other = chance.sample(site.task_manager_hosts, 2)
    return one, [other]


def _task_manager_and_leader(site: Site, chance: random.Random) -> tuple[str | None, list[str | None]]:
    return chance.choice(site.task_manager_hosts), [site.master_hosts[find_leader(site)]]


def _leader_and_zookeeper(site: Site, chance: random.Random) -> tuple[str | None, list[str | None]]:
    return site.master_hosts[find_leader(site)], list(site.zookeeper_hosts)


def _task_manager_and_zookeeper(site: Site, chance: random.Random) -> tuple[str | None, list[str | None]]:
    return chance.choice(site.task_manager_hosts), list(site.zookeeper_hosts)


def _client_and_leader(site: Site, chance: random.Random) -> tuple[str | None, list[str | None]]:
    return None, [site.master_hosts[find_leader(site)]]


def _cut(choose: Choose, shortest: float, longest: float) -> Fault:
    def strike(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
        network = _network(site)
        seconds, how = chance.uniform(shortest, longest), chance.choice(["both ways", "one way", "the other way"])
        one, others = choose(site, chance)
        try:
            for other in others:
                if how != "the other way":
                    network.cut_one_way(one, other)
                if how != "one way":
                    network.cut_one_way(other, one)
            time.sleep(seconds)
        finally:
            for other in others:
                network.heal(one, other)
        named = ", ".join(map(_title, others))
        arrow = {"both ways": "and", "one way": "to", "the other way": "from"}[how]
        return Blow(f"nothing passed between {_title(one)} and {named} for {seconds:.1f} s ({_title(one)} {arrow} it)")

    return strike


def _isolate(choose: Callable[[Site, random.Random], str], shortest: float, longest: float) -> Fault:
    def strike(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
        network = _network(site)
        seconds, host = chance.uniform(shortest, longest), choose(site, chance)
        network.isolate(host)
        try:
            time.sleep(seconds)
        finally:
            network.rejoin(host)
        return Blow(f"host {host} was off the network for {seconds:.1f} s")

    return strike


def _network(site: Site) -> NetworkNamespaces:
    assert site.network is not None, "partitions need hosts with networks of their own"
    return site.network


def _title(host: str | None) -> str:
    return host or "the client"


PARTITIONS: dict[str, Fault] = {
    "taskmanagers cut apart": _cut(_task_managers, 1.0, HEARTBEAT_TIMEOUT + _LONGER),
    "taskmanager cut from leader": _cut(_task_manager_and_leader, HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT + _LONGER),
    "taskmanager cut from zookeeper": _cut(_task_manager_and_zookeeper, SESSION_TIMEOUT, SESSION_TIMEOUT + _LONGER),
    "leader cut from zookeeper": _cut(_leader_and_zookeeper, SESSION_TIMEOUT, SESSION_TIMEOUT + _LONGER),
    "client cut from leader": _cut(_client_and_leader, 1.0, 5.0),
    "leader isolated": _isolate(
        lambda site, chance: site.master_hosts[find_leader(site)], SESSION_TIMEOUT, SESSION_TIMEOUT + _LONGER
    ),
    "taskmanager isolated": _isolate(
        lambda site, chance: chance.choice(site.task_manager_hosts), 1.0, HEARTBEAT_TIMEOUT + _LONGER
    ),
    "zookeeper server isolated": _isolate(
        lambda site, chance: chance.choice(site.zookeeper_hosts), 1.0, SESSION_TIMEOUT + _LONGER
    ),
}
"""By kind. They take a site with a network."""
