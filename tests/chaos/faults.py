"""What befalls a cluster: each kind of fault strikes, lasts, and is mended before it returns what it did, in words.

Kinds that name a phase strike at a fault point in the program (:mod:`tests.chaos.traps`): whichever process reaches it
next is killed or frozen there. Deploying and restoring are provoked by the death of a slot worker, taking over by that
of the leader. Cancelling has no such point: the second blow falls when the first master that is asked says that a task
is being cancelled, or, if none is ever seen to be, not at all.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import MillstreamError
from tests.chaos.site import HEARTBEAT_TIMEOUT, SESSION_TIMEOUT, Site
from tests.chaos.traps import PHASES

__all__ = ["FAULTS", "WEIGHTS", "Blow", "Fault", "find_leader"]


@dataclass(frozen=True, slots=True)
class Blow:
    """What a fault did.

    :ivar text: in words.
    :ivar hit: false: nobody was there to be struck at that moment.
    """

    text: str
    hit: bool = True


Fault = Callable[[Site, RpcJobClient, random.Random], Blow]
"""Strikes a site where a job runs, with choices by a source of randomness."""

_LISTEN = "0A"
"""As the kernel writes that state of a socket."""
_LONGER = 1.5
"""Seconds beyond a timeout."""


def _kill_worker(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    workers = _busy_workers(site)
    at = chance.random()
    if not workers:
        return Blow("no worker is there to be killed", hit=False)
    victim = workers[int(at * len(workers))]
    site.cluster.kill_worker(victim)
    return Blow(f"worker {victim} killed")


def _kill_task_manager(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    at = chance.random()
    with site.lock:
        live = site.cluster.live_task_managers()
        if not live:
            return Blow("no TaskManager is there to be killed", hit=False)
        victim = live[int(at * len(live))]
        site.cluster.kill_task_manager(victim)
    return Blow(f"TaskManager {victim.pid} killed")


def _freeze_worker(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    at, seconds = chance.random(), chance.uniform(0.5, 3.0)
    workers = _busy_workers(site)
    if not workers:
        return Blow("no worker is there to be frozen", hit=False)
    victim = workers[int(at * len(workers))]
    _freeze(site, victim, seconds)
    return Blow(f"worker {victim} frozen for {seconds:.1f} s")


def _freeze_task_manager(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    at, seconds = chance.random(), HEARTBEAT_TIMEOUT + chance.uniform(0.0, 2 * _LONGER)
    live = site.cluster.live_task_managers()
    if not live:
        return Blow("no TaskManager is there to be frozen", hit=False)
    victim = live[int(at * len(live))]
    # Its workers too, as if the host hung: they are the zombies that might write.
    victims = [victim.pid, *site.cluster.worker_pids(victim)]
    for pid in victims:
        site.cluster.freeze(pid)
    try:
        time.sleep(seconds)
    finally:
        for pid in victims:
            site.cluster.thaw(pid)
    return Blow(f"TaskManager {victim.pid} and {len(victims) - 1} workers frozen for {seconds:.1f} s")


def _kill_leader(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    return _kill_master(site, find_leader(site), "leader")


def _kill_standby(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    at, leader = chance.random(), find_leader(site)
    others = [master for master in sorted(site.cluster.masters) if master != leader]
    if not others:
        return Blow("no standby is there to be killed", hit=False)
    return _kill_master(site, others[int(at * len(others))], "standby")


def _freeze_leader(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    seconds = SESSION_TIMEOUT + chance.uniform(0.0, 2 * _LONGER)
    process = site.cluster.masters.get(find_leader(site))
    if process is None:
        return Blow("no leader is there to be frozen", hit=False)
    _freeze(site, process.pid, seconds)
    return Blow(f"leader {process.pid} frozen for {seconds:.1f} s")


def _kill_zookeeper_server(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    server, seconds = chance.randrange(3), chance.uniform(0.5, 3.0)
    site.zookeeper.kill(server)
    time.sleep(seconds)
    site.zookeeper.restart(server)
    return Blow(f"ZooKeeper server {server} killed, and started after {seconds:.1f} s")


def _freeze_zookeeper_server(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    server, seconds = chance.randrange(3), chance.uniform(0.5, SESSION_TIMEOUT + _LONGER)
    site.zookeeper.freeze(server)
    time.sleep(seconds)
    site.zookeeper.thaw(server)
    return Blow(f"ZooKeeper server {server} frozen for {seconds:.1f} s")


def _lose_quorum(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    spared, seconds, kill = chance.randrange(3), chance.uniform(1.0, SESSION_TIMEOUT + _LONGER), chance.random() < 0.5
    lost = [server for server in range(3) if server != spared]
    for server in lost:
        if kill:
            site.zookeeper.kill(server)
        else:
            site.zookeeper.freeze(server)
    time.sleep(seconds)
    for server in lost:
        if kill:
            site.zookeeper.restart(server)
        else:
            site.zookeeper.thaw(server)
    return Blow(f"ZooKeeper servers {lost} {'killed' if kill else 'frozen'} for {seconds:.1f} s: no quorum")


def _in_phase(phase: str) -> Fault:
    def strike(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
        point = chance.choice(PHASES[phase])
        what: Literal["kill", "freeze"] = "freeze" if chance.random() < 0.25 else "kill"
        site.traps.set(point, what)
        provoked = ""
        if phase in ("deploying", "restoring"):
            provoked = f"{_kill_worker(site, job, chance).text}; "
        elif phase == "taking over":
            provoked = f"{_kill_leader(site, job, chance).text}; "
        sprung = site.traps.await_sprung(point, 15.0)
        if sprung is None:
            return Blow(f"{provoked}nobody came to {point}", hit=False)
        if what == "freeze":
            try:
                time.sleep(max(SESSION_TIMEOUT, HEARTBEAT_TIMEOUT) + _LONGER)
            finally:
                _signal(sprung.pid, signal.SIGCONT)
        return Blow(f"{provoked}process {sprung.pid} {'frozen' if what == 'freeze' else 'killed'} at {point}")

    return strike


def _while_cancelling(site: Site, job: RpcJobClient, chance: random.Random) -> Blow:
    second: Fault = chance.choice([_kill_leader, _kill_task_manager, _kill_worker])
    first = _kill_worker(site, job, chance)
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        try:
            counts = job.get_job_details().task_counts
        except (MillstreamError, TimeoutError):
            break
        if counts["CANCELING"] or counts["CANCELED"]:
            return Blow(f"{first.text}; tasks are being cancelled: {second(site, job, chance).text}")
    return Blow(f"{first.text}; no task was seen being cancelled", hit=False)


def _busy_workers(site: Site) -> list[int]:
    """The slot workers that serve a job: they listen for the others, and those that wait for a slot do not."""
    return [pid for pid in site.cluster.worker_pids() if _listens(Path("/proc", str(pid)))]


def _listens(process: Path) -> bool:
    """Whether a process has a TCP socket that listens, in whichever network namespace it is."""
    try:
        listening = {
            f"socket:[{fields[9]}]"
            for name in ("tcp", "tcp6")
            for fields in map(str.split, (process / "net" / name).read_text().splitlines()[1:])
            if fields[3] == _LISTEN
        }
        return any(os.readlink(descriptor) in listening for descriptor in (process / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has just ended, or closed something


def find_leader(site: Site) -> int:
    """Return the master that leads, or will be asked in its stead when none does."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        leader = site.leader()
        if leader is not None:
            return leader
        time.sleep(0.05)
    return 0


def _kill_master(site: Site, master: int, title: str) -> Blow:
    with site.lock:
        process = site.cluster.masters.get(master)
        if process is None:
            return Blow(f"no {title} is there to be killed", hit=False)
        site.cluster.kill_master(master)
    return Blow(f"{title} {process.pid} killed")


def _freeze(site: Site, pid: int, seconds: float) -> None:
    site.cluster.freeze(pid)
    try:
        time.sleep(seconds)
    finally:
        site.cluster.thaw(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # somebody has given it up, and ended it


FAULTS: dict[str, Fault] = {
    "worker killed": _kill_worker,
    "worker frozen": _freeze_worker,
    "taskmanager killed": _kill_task_manager,
    "taskmanager frozen": _freeze_task_manager,
    "leader killed": _kill_leader,
    "leader frozen": _freeze_leader,
    "standby killed": _kill_standby,
    "zookeeper server killed": _kill_zookeeper_server,
    "zookeeper server frozen": _freeze_zookeeper_server,
    "zookeeper quorum lost": _lose_quorum,
    "while cancelling": _while_cancelling,
    **{f"while {phase}": _in_phase(phase) for phase in PHASES if phase not in ("submitting", "ending")},
}

WEIGHTS: dict[str, int] = dict.fromkeys(FAULTS, 2) | {
    "worker killed": 3,
    "taskmanager killed": 3,
    "leader killed": 3,
    "zookeeper quorum lost": 1,
    "while checkpointing": 4,
    "while committing": 3,
}
"""How often each kind comes."""
