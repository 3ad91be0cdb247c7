"""The process's connection to remote clusters: one loop thread with one gRPC service, whatever the masters.

gRPC is imported here, at the first connection, and not before: a local run does without it. The same goes for what
looks leaders up, in clusters that are highly available.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from millstream.client.loop_thread import LoopThread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.client.remote.dispatcher_leader import DispatcherLeader
from millstream.common.config import ClientOptions, Configuration, HighAvailabilityOptions, JobManagerOptions
from millstream.common.high_availability.create import create_leader_directory
from millstream.common.high_availability.mode import uses_zookeeper

if TYPE_CHECKING:
    from millstream.common.high_availability.leader_directory import LeaderDirectory
    from millstream.common.rpc.service import RpcService

__all__ = ["connect", "disconnect", "leader_directory", "master_address"]

_CLOSE_SECONDS = 5.0


class _Connection:
    """What this process has open: the loop thread and, on it, the gRPC service (its id: a fork makes its own), and
    who was found to lead which cluster.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.process_id = os.getpid()
        self.loop_thread = LoopThread("millstream-client")
        self._clusters: dict[tuple[str, ...], tuple[LeaderDirectory, DispatcherLeader]] = {}
        self._clusters_lock = threading.Lock()
        try:
            self.service = self.loop_thread.run(_make_service(configuration))
        except BaseException:
            self.loop_thread.close()
            raise

    def cluster(self, configuration: Configuration) -> tuple[LeaderDirectory, DispatcherLeader]:
        """Return how leaders of the cluster are found that the configuration names."""
        key = _cluster_key(configuration)
        with self._clusters_lock:
            if key not in self._clusters:
                leaders = self.loop_thread.run(_make_directory(configuration, self.service))
                self._clusters[key] = leaders, DispatcherLeader(leaders, changes=uses_zookeeper(configuration))
            return self._clusters[key]

    def close(self) -> None:
        try:
            self.loop_thread.run(self._close(), _CLOSE_SECONDS)
        finally:
            self.loop_thread.close()

    async def _close(self) -> None:
        try:
            for leaders, leader in self._clusters.values():
                leader.close()
                await leaders.close()
        finally:
            await self.service.close()


_lock = threading.Lock()
_open: list[_Connection] = []


def master_address(configuration: Configuration) -> str:
    """Return where the master's RPC service listens, ``host:port``."""
    host = configuration.get(JobManagerOptions.ADDRESS)
    port = configuration.get(JobManagerOptions.PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect(configuration: Configuration) -> ClusterClient:
    """Return a client of the cluster that the configuration names.

    Without high availability that is the master at ``jobmanager.rpc.address`` and ``jobmanager.rpc.port``, with it
    (``high-availability.type``) whichever leads. The first call finds out whether anybody is there.

    :raises ConfigurationError: the options of high availability are wrong.
    :raises MillstreamError: nobody answers who knows the leaders.
    """
    connection = _connection(configuration)
    return ClusterClient(
        connection.loop_thread,
        connection.service,
        connection.cluster(configuration)[1],
        configuration.get(ClientOptions.TIMEOUT),
    )


def leader_directory(configuration: Configuration) -> tuple[LoopThread, LeaderDirectory]:
    """Return what tells the leaders of that cluster, and the thread on whose event loop it is to be asked. Both
    belong to the process's connection.
    """
    connection = _connection(configuration)
    return connection.loop_thread, connection.cluster(configuration)[0]


def disconnect() -> None:
    """Close the process's connections; job clients that used them are dead. The next :func:`connect` opens new ones.

    Called at exit; a test or a long-lived program may call it earlier.
    """
    with _lock:
        connections = [each for each in _open if each.process_id == os.getpid()]
        _open.clear()
    for connection in connections:
        connection.close()


atexit.register(disconnect)


def _connection(configuration: Configuration) -> _Connection:
    with _lock:
        if _open and _open[0].process_id != os.getpid():
            _open.clear()  # the parent's, not to be touched
        if not _open:
            _open.append(_Connection(configuration))
        return _open[0]


def _cluster_key(configuration: Configuration) -> tuple[str, ...]:
    """What tells clusters apart."""
    if not uses_zookeeper(configuration):
        return (master_address(configuration),)
    return (
        configuration.get(HighAvailabilityOptions.TYPE),
        configuration.get(HighAvailabilityOptions.ZOOKEEPER_QUORUM) or "",
        configuration.get(HighAvailabilityOptions.ZOOKEEPER_ROOT),
        configuration.get(HighAvailabilityOptions.CLUSTER_ID),
    )


async def _make_service(configuration: Configuration) -> RpcService:
    """Make the gRPC service on its event loop. It only connects: it is never started, so it listens nowhere."""
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    return GrpcRpcService("localhost", 0, None, configuration)


async def _make_directory(configuration: Configuration, rpc: RpcService) -> LeaderDirectory:
    return await create_leader_directory(configuration, rpc)
