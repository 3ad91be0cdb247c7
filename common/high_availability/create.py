"""Chooses high availability by the configuration: none, or ZooKeeper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.config.option import ConfigOption
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneServices
from millstream.common.high_availability.zookeeper.client import ZooKeeperClient
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService

__all__ = [
    "create_high_availability_services",
    "create_leader_directory",
    "create_zookeeper_client",
    "uses_zookeeper",
]

_DEFAULT_PORT = 2181


def create_high_availability_services(
    configuration: Configuration, rpc: RpcService, ids: IdFactory
) -> HighAvailabilityServices:
    """Return a master's services, not started.

    :param rpc: the master's, whose address is known when it contends.
    :raises ConfigurationError: an option is missing or wrong.
    """
    if not uses_zookeeper(configuration):
        return StandaloneServices(rpc)
    from millstream.common.high_availability.zookeeper.services import ZooKeeperServices

    return ZooKeeperServices(_cluster_client(configuration), configuration, ids, _address_of(rpc))


async def create_leader_directory(configuration: Configuration, rpc: RpcService) -> LeaderDirectory:
    """Return where TaskManagers and clients look leaders up, connected; whoever asked for it closes it.

    :raises ConfigurationError: an option is missing or wrong.
    :raises MillstreamError: ZooKeeper does not answer in time.
    """
    if not uses_zookeeper(configuration):
        host, port = configuration.get(JobManagerOptions.ADDRESS), configuration.get(JobManagerOptions.PORT)
        return FixedLeaderDirectory(rpc, f"{host}:{port}")
    from millstream.common.high_availability.zookeeper.leader_directory import ZooKeeperLeaderDirectory

    client = _cluster_client(configuration)
    await client.start()
    return ZooKeeperLeaderDirectory(client, owns_client=True)


def _address_of(rpc: RpcService) -> Callable[[], str]:
    return lambda: rpc.address


def create_zookeeper_client(configuration: Configuration, node: str) -> ZooKeeperClient:
    """Return a client of the configured servers, not started.

    :param node: where its paths begin.
    :raises ConfigurationError: an option is missing or wrong.
    """
    # Nobody but who uses ZooKeeper waits for kazoo to be imported.
    from millstream.common.high_availability.zookeeper.kazoo_client import KazooZooKeeperClient

    hosts, root = _servers(configuration)
    authorization = configuration.get(HighAvailabilityOptions.ZOOKEEPER_AUTHORIZATION) or {}
    creator_only = configuration.get(HighAvailabilityOptions.ZOOKEEPER_ACL) == "creator"
    if creator_only and not authorization:
        raise ConfigurationError(
            f"{HighAvailabilityOptions.ZOOKEEPER_ACL.key} is creator, so ZooKeeper must know who creates: set"
            f" {HighAvailabilityOptions.ZOOKEEPER_AUTHORIZATION.key}, such as digest:user:password."
        )
    return KazooZooKeeperClient(
        hosts,
        (root + node).rstrip("/") or "/",
        session_timeout_s=_positive(configuration, HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT),
        connection_timeout_s=_positive(configuration, HighAvailabilityOptions.ZOOKEEPER_CONNECTION_TIMEOUT),
        retry_wait_s=configuration.get(HighAvailabilityOptions.ZOOKEEPER_RETRY_WAIT).total_seconds(),
        max_retry_attempts=configuration.get(HighAvailabilityOptions.ZOOKEEPER_MAX_RETRY_ATTEMPTS),
        creator_only=creator_only,
        authorization=tuple(authorization.items()),
    )


def _cluster_client(configuration: Configuration) -> ZooKeeperClient:
    from millstream.common.high_availability.zookeeper import paths

    return create_zookeeper_client(configuration, paths.cluster_root(configuration))


def _positive(configuration: Configuration, option: ConfigOption[timedelta]) -> float:
    seconds = configuration.get(option).total_seconds()
    if seconds <= 0:
        raise ConfigurationError(f"{option.key} must be longer than 0.")
    return seconds


def _servers(configuration: Configuration) -> tuple[str, str]:
    """Return the servers, ``host:port`` parted by commas, and the node that the quorum names, mostly none."""
    option = HighAvailabilityOptions.ZOOKEEPER_QUORUM
    text = configuration.get(option)
    if not text or not text.strip():
        raise ConfigurationError(
            f"{option.key} is not set, but {HighAvailabilityOptions.TYPE.key} is zookeeper: name the ZooKeeper"
            f" servers, such as host1:{_DEFAULT_PORT},host2:{_DEFAULT_PORT},host3:{_DEFAULT_PORT}."
        )
    servers, slash, node = text.partition("/")
    hosts: list[str] = []
    for server in servers.split(","):
        server = server.strip()
        if not server:
            continue
        bare = server.endswith("]") or ":" not in server
        host, _, port = (server, "", str(_DEFAULT_PORT)) if bare else server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536 or " " in host:
            raise ConfigurationError(f"{option.key}: {server!r} is no server; expected host:port, such as host1:2181.")
        hosts.append(f"{host}:{port}")
    if not hosts:
        raise ConfigurationError(f"{option.key}: {text!r} names no server; expected host:port, parted by commas.")
    root = node.strip().strip("/")
    return ",".join(hosts), f"/{root}" if slash and root else ""
