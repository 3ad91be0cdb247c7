"""The process's connection to remote clusters: one loop thread with one gRPC service, whatever the masters.

gRPC is imported here, at the first connection, and not before: a local run does without it.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from millstream.client.loop_thread import LoopThread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.common.config import ClientOptions, Configuration, JobManagerOptions

if TYPE_CHECKING:
    from millstream.common.rpc.service import RpcService

__all__ = ["connect", "disconnect", "master_address"]

_CLOSE_SECONDS = 5.0


class _Connection:
    """What this process has open: the loop thread and, on it, the gRPC service (its id: a fork makes its own)."""

    def __init__(self, configuration: Configuration) -> None:
        self.process_id = os.getpid()
        self.loop_thread = LoopThread("millstream-client")
        try:
            self.service = self.loop_thread.run(_make_service(configuration))
        except BaseException:
            self.loop_thread.close()
            raise

    def close(self) -> None:
        try:
            self.loop_thread.run(self.service.close(), _CLOSE_SECONDS)
        finally:
            self.loop_thread.close()


_lock = threading.Lock()
_open: list[_Connection] = []


def master_address(configuration: Configuration) -> str:
    """Return where the master's RPC service listens, ``host:port``."""
    host = configuration.get(JobManagerOptions.ADDRESS)
    port = configuration.get(JobManagerOptions.PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect(configuration: Configuration) -> ClusterClient:
    """Return a client of the master that ``jobmanager.rpc.address`` and ``jobmanager.rpc.port`` name.

    Returns at once; the first call finds out whether anybody is there.
    """
    with _lock:
        if _open and _open[0].process_id != os.getpid():
            _open.clear()  # the parent's, not to be touched
        if not _open:
            _open.append(_Connection(configuration))
        connection = _open[0]
    return ClusterClient(
        connection.loop_thread,
        connection.service,
        master_address(configuration),
        configuration.get(ClientOptions.TIMEOUT),
    )


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


async def _make_service(configuration: Configuration) -> RpcService:
    """Make the gRPC service on its event loop. It only connects: it is never started, so it listens nowhere."""
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    return GrpcRpcService("localhost", 0, None, configuration)
