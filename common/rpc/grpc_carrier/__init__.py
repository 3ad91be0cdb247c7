"""The carrier between processes: ``grpc.aio``.

This package is the only place that imports ``grpc``. Slot workers never import it, and a process that does must
keep one event loop for all its RPC services.
"""

from __future__ import annotations

import os

# gRPC's C core writes its own remarks to stderr (a refused connection, a fork of the process); what matters of them
# comes as exceptions, so users see none of it unless they ask. Must be set before grpc is first imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from millstream.common.rpc.grpc_carrier.rpc_service import GrpcRpcService  # after the environment is set

__all__ = ["GrpcRpcService"]
