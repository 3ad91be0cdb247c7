"""The process's connections to remote clusters: one loop thread, one gRPC service per master address.

gRPC is imported here, at the first connection, and not before: a local run does without it.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from millstream.client.loop_thread import LoopThread, shared_loop_thread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.common.config import ClientOptions, Configuration, JobManagerOptions

if TYPE_CHECKING:
    from millstream.common.rpc.service import RpcService

__all__ = ["connect", "master_address"]

_CLOSE_SECONDS = 5.0

_lock = threading.Lock()
_services: dict[tuple[int, LoopThread], RpcService] = {}
"""One service for the process (its id: a forked child makes its own)."""


def master_address(configuration: Configuration) -> str:
    """Return where the master's RPC service listens, ``host:port``."""
    return f"{configuration.get(JobManagerOptions.ADDRESS)}:{configuration.get(JobManagerOptions.PORT)}"


def connect(configuration: Configuration) -> ClusterClient:
    """Return a client of the master that ``jobmanager.rpc.address`` and ``jobmanager.rpc.port`` name.

    Returns at once; the first call finds out whether anybody is there.
    """
    loop_thread = shared_loop_thread()
    key = (os.getpid(), loop_thread)
    with _lock:
        service = _services.get(key)
        if service is None:
            service = loop_thread.run(_make_service(configuration))
            _services.clear()
            _services[key] = service
            atexit.register(_close, key, service)  # runs before the loop thread's own, which was registered earlier
    return ClusterClient(loop_thread, service, master_address(configuration), configuration.get(ClientOptions.TIMEOUT))


async def _make_service(configuration: Configuration) -> RpcService:
    """Make the gRPC service on its event loop. It only connects: it is never started, so it listens nowhere."""
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    return GrpcRpcService("localhost", 0, None, configuration)


def _close(key: tuple[int, LoopThread], service: RpcService) -> None:
    process_id, loop_thread = key
    if process_id != os.getpid() or loop_thread.closed:
        return
    loop_thread.run(service.close(), _CLOSE_SECONDS)
