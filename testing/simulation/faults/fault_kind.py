"""The kinds of faults that a simulated cluster may have."""

from __future__ import annotations

from enum import Enum

__all__ = ["FaultKind"]


class FaultKind(Enum):
    """What may go wrong. The values are what the command line calls them."""

    KILL = "kill"
    """One process ends in the midst of whatever it does."""
    RESTART = "restart"
    """All processes of a host end at once."""
    PAUSE = "pause"
    """A process stands still for a while, and then goes on as if nothing had been."""
    PARTITION = "partition"
    """A host cannot reach some others, nor they it."""
    ONE_WAY_PARTITION = "one-way-partition"
    """What a host says does not reach some others, or the other way round."""
    DELAY = "delay"
    """The network is slow."""
    LOSS = "loss"
    """The network loses packets."""
    DUPLICATE = "duplicate"
    """Requests come twice."""
    REORDER = "reorder"
    """Messages overtake each other."""
    RESET = "reset"
    """The connections between two hosts, or of a host to ZooKeeper, break."""
    STORAGE_ERROR = "storage-error"
    """Storage fails, before or after it has done what it was asked."""
    TORN_WRITE = "torn-write"
    """A process ends while it writes a file."""
    SLOW_DISK = "slow-disk"
    """Storage takes seconds to answer."""
    FULL_DISK = "full-disk"
    """Nothing can be written."""
    LISTING_LAG = "listing-lag"
    """Young files are not listed."""
    ZOOKEEPER_EXPIRY = "zk-expiry"
    """A session of ZooKeeper expires at once."""
    ZOOKEEPER_OUTAGE = "zk-outage"
    """Some or all servers of ZooKeeper are down."""
    CLOCK_SKEW = "clock-skew"
    """A process's wall clock is wrong."""
    FAULT_POINT = "fault-point"
    """A process ends, stands still or gets an error at one of the points where that hurts most."""
