"""What can go wrong between a client and its cluster."""

from __future__ import annotations

from millstream.common.errors import MillstreamError

__all__ = ["ClusterUnreachableError", "NoMasterThereError", "OperationInDoubtError"]


class ClusterUnreachableError(MillstreamError):
    """Nobody answers for the Dispatcher.

    :param highly_available: the leader was looked up, not named.
    :param answers: somebody is there, but does not lead.
    :ivar address: where it was looked for: ``host:port``, or what the directory of leaders calls itself.
    """

    def __init__(self, address: str, reason: str, *, highly_available: bool = False, answers: bool = False) -> None:
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
                "-m host:port, rest.address and rest.port, or jobmanager.rpc.address and jobmanager.rpc.port say where "
                f"it is; -t local runs without one.) Reason: {reason}"
            )
        super().__init__(message)
        self.address = address


class NoMasterThereError(MillstreamError):
    """Somebody answers at the address, but it is no master, or it cannot be talked to.

    :param what: who it is.
    """

    def __init__(self, address: str, what: str) -> None:
        super().__init__(
            f"At {address} there is no Millstream master to talk to: {what}. -m takes host:port or a URL of a "
            "master's REST interface (rest.port), or host:port of its RPC service (jobmanager.rpc.port)."
        )
        self.address = address


class OperationInDoubtError(MillstreamError):
    """The leader changed while a savepoint, a checkpoint or a rescaling was under way, and took the knowledge of it
    along.
    """
