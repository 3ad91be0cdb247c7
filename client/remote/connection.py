"""The process's connections to remote clusters: one loop thread, with one gRPC service for all masters that are reached
by their RPC ports, and an HTTP service for each REST interface.

gRPC is imported here, at the first connection that needs it, and not before: a local run does without it. The same goes
for what looks leaders up, in clusters that are highly available.
"""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from millstream.client.loop_thread import LoopThread
from millstream.client.remote.carriers import Carrier, configured_carrier, find_carrier
from millstream.client.remote.cluster_client import ClusterClient
from millstream.client.remote.dispatcher_leader import DispatcherLeader
from millstream.common.config import (
    ClientOptions,
    Configuration,
    HighAvailabilityOptions,
    JobManagerOptions,
    RestOptions,
    SecurityOptions,
)
from millstream.common.high_availability.create import create_leader_directory
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.rpc.http_carrier import HttpRpcService, RestAddress

if TYPE_CHECKING:
    from millstream.common.high_availability.leader_directory import LeaderDirectory
    from millstream.common.rpc.service import RpcService

__all__ = ["connect", "disconnect", "leader_directory", "master_host"]

_CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One cluster that this process talks to.

    :ivar rpc: reaches it.
    :ivar own: ``rpc`` is for this cluster alone.
    """

    rpc: RpcService
    own: bool
    leaders: LeaderDirectory
    leader: DispatcherLeader


class _Connection:
    """What this process has open: the loop thread and, on it, the RPC services (its id: a fork makes its own), and
    who was found to lead which cluster.
    """

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self.loop_thread = LoopThread("millstream-client")
        self._grpc: RpcService | None = None
        self._clusters: dict[tuple[str, ...], _Cluster] = {}
        self._clusters_lock = threading.Lock()

    def cluster(self, configuration: Configuration) -> _Cluster:
        """Return how the cluster is reached that the configuration names."""
        key = _cluster_key(configuration)
        with self._clusters_lock:
            if key not in self._clusters:
                self._clusters[key] = self.loop_thread.run(self._make_cluster(configuration))
            return self._clusters[key]

    def close(self) -> None:
        try:
            self.loop_thread.run(self._close(), _CLOSE_SECONDS)
        finally:
            self.loop_thread.close()

    async def _make_cluster(self, configuration: Configuration) -> _Cluster:
        highly_available = uses_zookeeper(configuration)
        carrier = Carrier.RPC if highly_available else configured_carrier(configuration)
        if carrier is None:
            carrier = await find_carrier(configuration)
        if carrier is Carrier.REST:
            http = HttpRpcService(configuration)
            leaders: LeaderDirectory = FixedLeaderDirectory(http, http.address)
            return _Cluster(http, True, leaders, DispatcherLeader(leaders, changes=False))
        if self._grpc is None:
            self._grpc = _make_grpc_service(configuration)
        leaders = await create_leader_directory(configuration, self._grpc)
        return _Cluster(self._grpc, False, leaders, DispatcherLeader(leaders, changes=highly_available))

    async def _close(self) -> None:
        try:
            for cluster in self._clusters.values():
                cluster.leader.close()
                await cluster.leaders.close()
                if cluster.own:
                    await cluster.rpc.close()
        finally:
            if self._grpc is not None:
                await self._grpc.close()


_lock = threading.Lock()
_open: list[_Connection] = []


def _master_address(configuration: Configuration) -> str:
    """Return where the master's RPC service listens, ``host:port``."""
    host = configuration.get(JobManagerOptions.ADDRESS)
    port = configuration.get(JobManagerOptions.PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def master_host(configuration: Configuration) -> str:
    """Return on which host the master is, where the configuration names one."""
    if configured_carrier(configuration) is Carrier.RPC:
        return configuration.get(JobManagerOptions.ADDRESS)
    return RestAddress.of(configuration).host


def connect(configuration: Configuration) -> ClusterClient:
    """Return a client of the cluster that the configuration names.

    Without high availability that is the master at ``jobmanager.rpc.address`` and ``jobmanager.rpc.port``, or that
    whose REST interface is at ``rest.address`` and ``rest.port`` if only these are set; with it
    (``high-availability.type``) whichever leads. Where both name the same port, whoever listens there is asked which
    it is; else the first call finds out whether anybody is there.

    :raises ConfigurationError: the options of high availability or of TLS are wrong.
    :raises ClusterUnreachableError: nobody was there to be asked.
    :raises MillstreamError: nobody answers who knows the leaders, or there is no master.
    """
    connection = _connection()
    cluster = connection.cluster(configuration)
    return ClusterClient(connection.loop_thread, cluster.rpc, cluster.leader, configuration.get(ClientOptions.TIMEOUT))


def leader_directory(configuration: Configuration) -> tuple[LoopThread, LeaderDirectory]:
    """Return what tells the leaders of that cluster, and the thread on whose event loop it is to be asked. Both
    belong to the process's connection.
    """
    connection = _connection()
    return connection.loop_thread, connection.cluster(configuration).leaders


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


def _connection() -> _Connection:
    with _lock:
        if _open and _open[0].process_id != os.getpid():
            _open.clear()  # the parent's, not to be touched
        if not _open:
            _open.append(_Connection())
        return _open[0]


def _cluster_key(configuration: Configuration) -> tuple[str, ...]:
    """What tells clusters apart."""
    if not uses_zookeeper(configuration):
        if configured_carrier(configuration) is Carrier.RPC:
            return (_master_address(configuration),)
        token = configuration.get(RestOptions.AUTHENTICATION_TOKEN) or ""
        truststore = configuration.get(SecurityOptions.REST_TRUSTSTORE) or ""
        return (RestAddress.of(configuration).url, token, truststore)
    return (
        configuration.get(HighAvailabilityOptions.TYPE),
        configuration.get(HighAvailabilityOptions.ZOOKEEPER_QUORUM) or "",
        configuration.get(HighAvailabilityOptions.ZOOKEEPER_ROOT),
        configuration.get(HighAvailabilityOptions.CLUSTER_ID),
    )


def _make_grpc_service(configuration: Configuration) -> RpcService:
    """Make the gRPC service, on its event loop. It only connects: it is never started, so it listens nowhere."""
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    return GrpcRpcService("localhost", 0, None, configuration)
