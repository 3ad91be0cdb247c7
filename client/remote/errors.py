"""What can go wrong between a client and its cluster."""

from __future__ import annotations

from millstream.common.errors import MillstreamError

__all__ = ["ClusterUnreachableError", "OperationInDoubtError"]


class ClusterUnreachableError(MillstreamError):
    """Nobody answers for the Dispatcher.

    :param highly_available: the leader was looked up, not named.
    :param answers: somebody is there, but does not lead.
    :ivar address: where it was looked for: ``host:port``, or what the directory of leaders calls itself.
    """

    def __init__(self, address: str, reason: str, *, highly_available: bool, answers: bool) -> None:
        if highly_available:
            message = (
                f"No leading Millstream master was found through {address}: are masters started with the same "
                "high-availability.cluster-id and high-availability.zookeeper.path.root, and is ZooKeeper running at "
                f"high-availability.zookeeper.quorum? (-m host:port asks one master.) Reason: {reason}"
            )
        elif answers:
            message = (
                f"The master at {address} answers, but does not lead the cluster: {reason}. Name the one that leads "
                "(-m host:port), or none and have it looked up (high-availability.type)."
            )
        else:
            message = (
                f"Cannot reach a Millstream master at {address}: is the cluster started? (start-cluster.sh starts one; "
                "-m host:port or jobmanager.rpc.address and jobmanager.rpc.port say where it is; -t local runs without "
                f"one.) Reason: {reason}"
            )
        super().__init__(message)
        self.address = address


class OperationInDoubtError(MillstreamError):
    """The leader changed while a savepoint, a checkpoint or a rescaling was under way, and took the knowledge of it
    along.
    """
