"""What can go wrong between a client and its cluster."""

from __future__ import annotations

from millstream.common.errors import MillstreamError

__all__ = ["ClusterUnreachableError"]


class ClusterUnreachableError(MillstreamError):
    """Nobody answers for the Dispatcher at an address.

    :ivar address: where it was looked for, ``host:port``.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Cannot reach a Millstream master at {address}: is the cluster started? "
            "(start-cluster.sh starts one; -m host:port or jobmanager.rpc.address and jobmanager.rpc.port say where it "
            f"is; -t local runs without one.) Reason: {reason}"
        )
        self.address = address
