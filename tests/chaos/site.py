"""What a fault strikes: a highly available cluster on real processes, whose dead are replaced by a supervisor."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from kazoo.client import KazooClient
from kazoo.handlers.threading import KazooTimeoutError

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.host import Host
from millstream.testing.network_namespaces import NetworkNamespaces
from millstream.testing.process_cluster import ProcessCluster
from millstream.testing.zookeeper_server import ZooKeeperServers
from tests.chaos.traps import Traps

__all__ = ["HEARTBEAT_TIMEOUT", "SESSION_TIMEOUT", "Site"]

SESSION_TIMEOUT = 4.0
HEARTBEAT_TIMEOUT = 4.0
"""Seconds. Short, so that much happens in a run; long enough for a machine with other work."""

ZOOKEEPER_ROOT = "/flink/default"
_MENDED_SECONDS = 12.0


class Site:
    """A cluster with its ZooKeeper ensemble; use it in a ``with`` statement.

    :param directory: of everything that its processes write.
    :param zookeeper_servers: one, or three.
    :param high_availability: directory for what masters keep, if it is not to be within ``directory``.
    :param own_networks: whether each process is on a host of its own, whose network can be cut; takes root.
    :ivar network: of the hosts, if they are such.
    :ivar zookeeper_hosts: the names of hosts in the network, as are the next two.
    :ivar master_hosts: by the numbers of masters.
    :ivar lock: held while processes are killed or started.
    :ivar replaced: how often a process was started in the place of a dead one, by kind and exit status.
    """

    def __init__(
        self,
        directory: Path,
        masters: int = 2,
        task_managers: int = 3,
        zookeeper_servers: int = 3,
        *,
        settings: dict[str, str] | None = None,
        high_availability: Path | None = None,
        own_networks: bool = False,
    ) -> None:
        self.directory = directory
        self.output = directory / "output"
        self.hurry = directory / "hurry"
        self.checkpoints = directory / "checkpoints"
        self.temporary = directory / "temporary"
        self.high_availability = high_availability or directory / "high-availability"
        self.temporary.mkdir(parents=True)
        self.high_availability.mkdir(exist_ok=True)
        self.zookeeper_hosts = [f"zookeeper{number}" for number in range(zookeeper_servers)]
        self.master_hosts = [f"master{number}" for number in range(masters)]
        self.task_manager_hosts = [f"taskmanager{number}" for number in range(task_managers)]
        self.network: NetworkNamespaces | None = None
        hosts: Mapping[str, Host] = {}
        if own_networks:
            self.network = NetworkNamespaces([*self.zookeeper_hosts, *self.master_hosts, *self.task_manager_hosts])
            hosts = self.network.hosts
        self.traps = Traps(directory / "traps")
        self.zookeeper = ZooKeeperServers(
            directory / "zookeeper", zookeeper_servers, hosts=[hosts[name] for name in self.zookeeper_hosts if hosts]
        )
        self.cluster = ProcessCluster(
            directory / "cluster",
            task_managers=task_managers,
            slots=1,
            masters=masters,
            settings={
                "high-availability.type": "zookeeper",
                "high-availability.zookeeper.quorum": self.zookeeper.quorum,
                "high-availability.storageDir": self.high_availability.as_uri(),
                "high-availability.zookeeper.client.session-timeout": f"{SESSION_TIMEOUT:g} s",
                "high-availability.zookeeper.client.retry-wait": "500 ms",
                "heartbeat.interval": "500 ms",
                "heartbeat.timeout": f"{HEARTBEAT_TIMEOUT:g} s",
                "slot.request.timeout": "120 s",
                "io.tmp.dirs": str(self.temporary),
                "execution.checkpointing.interval": "300 ms",
                "execution.checkpointing.timeout": "10 s",
                "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
                "execution.checkpointing.dir": self.checkpoints.as_uri(),
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": "1000000",
                "restart-strategy.fixed-delay.delay": "100 ms",
                **(settings or {}),
            },
            environment=self.traps.environment,
            master_hosts=[hosts[name] for name in self.master_hosts if hosts],
            task_manager_hosts=[hosts[name] for name in self.task_manager_hosts if hosts],
        )
        self.lock = threading.RLock()
        self.replaced: Counter[str] = Counter()
        self._masters = masters
        self._buried: set[int] = set()
        """Numbers of TaskManagers that were replaced."""
        self._places: list[Host | None] = [hosts.get(name) for name in self.task_manager_hosts]
        """Where the TaskManager of each number runs, or ran."""
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor")

    def environment(self, settings: dict[str, str] | None = None) -> StreamExecutionEnvironment:
        """Return an environment whose jobs go to the cluster's leader."""
        configuration = Configuration.from_map({**self.cluster.configuration.to_map(), **(settings or {})})
        return StreamExecutionEnvironment.create_remote_environment(
            "localhost", self.cluster.port, configuration=configuration
        )

    def leader(self) -> int | None:
        """The number of the master that leads; ``None``: none does now, or nobody can tell."""
        try:
            return self.cluster.leader()
        except (MillstreamError, TimeoutError):
            return None

    def mend_zookeeper(self) -> bool:
        """Wait until the ensemble takes new sessions, which needs a majority. Return whether it had to be helped.

        If it never does by itself, all servers are started anew, as whoever runs it would: those of ZooKeeper 3.8.0
        have been seen to hang for good when two that had been frozen came back to the third, which still led.
        """
        client = KazooClient(self.zookeeper.quorum, timeout=SESSION_TIMEOUT)
        try:
            client.start(_MENDED_SECONDS)
        except KazooTimeoutError:
            self.zookeeper.restart_all()
            return True
        finally:
            client.stop()
            client.close()
        return False

    def __enter__(self) -> Site:
        try:
            if self.network is not None:
                self.network.start()
            self.zookeeper.start()
            self.cluster.start()
            self._supervisor.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def end_cluster(self) -> None:
        """End masters and TaskManagers, but not ZooKeeper: what they leave there can be looked at."""
        self._stopping.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        self.cluster.close()

    def close(self) -> None:
        """End everything."""
        try:
            self.end_cluster()
        finally:
            self.zookeeper.close()
            if self.network is not None:
                self.network.close()

    def _supervise(self) -> None:
        """Start the dead anew, as a service manager does on a real host."""
        while not self._stopping.wait(0.1):
            with self.lock:
                for master in range(self._masters):
                    process = self.cluster.masters.get(master)
                    if process is None or process.poll() is not None:
                        self.replaced[f"master {None if process is None else process.returncode}"] += 1
                        self.cluster.start_master(master)
                for number, process in enumerate(list(self.cluster.task_managers)):
                    if number not in self._buried and process.poll() is not None:
                        self._buried.add(number)
                        self.replaced[f"taskmanager {process.returncode}"] += 1
                        place = self._places[number]
                        self._places.append(place)
                        self.cluster.start_task_manager(place)
