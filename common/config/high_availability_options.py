"""Options of high availability: standby masters and what they take over from."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import STRING, IntegerKind, one_of

__all__ = ["HighAvailabilityOptions"]


class HighAvailabilityOptions:
    """High availability"""

    TYPE: Final = option(
        "high-availability.type",
        STRING,
        "NONE",
        "`NONE`, `zookeeper`, `kubernetes` or a factory.",
        former=("high-availability", "recovery.mode"),
        effect=Effect.RESERVED,
    )
    CLUSTER_ID: Final = option(
        "high-availability.cluster-id",
        STRING,
        "/default",
        "Namespace of this cluster among those that share a coordination service.",
        former=("high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"),
        effect=Effect.RESERVED,
    )
    STORAGE_DIR: Final = optional(
        "high-availability.storageDir",
        STRING,
        "Directory of job graphs, checkpoint metadata and blobs that a standby master reads.",
        former=("high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"),
        effect=Effect.RESERVED,
    )
    JOB_MANAGER_PORT: Final = option(
        "high-availability.jobmanager.port",
        PORT_RANGE,
        "0",
        "RPC port or range of ports of a master under high availability.",
        former=("recovery.jobmanager.port",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_QUORUM: Final = optional(
        "high-availability.zookeeper.quorum",
        STRING,
        "ZooKeeper servers, `host:port` parted by commas.",
        former=("recovery.zookeeper.quorum",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_ROOT: Final = option(
        "high-availability.zookeeper.path.root",
        STRING,
        "/flink",
        "Node under which all clusters lie.",
        former=("recovery.zookeeper.path.root",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_JOBGRAPHS: Final = option(
        "high-availability.zookeeper.path.jobgraphs",
        STRING,
        "/jobgraphs",
        "Node of the pointers to job graphs.",
        former=("recovery.zookeeper.path.jobgraphs",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_SESSION_TIMEOUT: Final = option(
        "high-availability.zookeeper.client.session-timeout",
        DURATION,
        timedelta(minutes=1),
        "Time without contact after which ZooKeeper ends a session, and with it a leadership.",
        former=("recovery.zookeeper.client.session-timeout",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_CONNECTION_TIMEOUT: Final = option(
        "high-availability.zookeeper.client.connection-timeout",
        DURATION,
        timedelta(seconds=15),
        "How long a connection to ZooKeeper is tried.",
        former=("recovery.zookeeper.client.connection-timeout",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_RETRY_WAIT: Final = option(
        "high-availability.zookeeper.client.retry-wait",
        DURATION,
        timedelta(seconds=5),
        "Pause before a failed call to ZooKeeper is repeated.",
        former=("recovery.zookeeper.client.retry-wait",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_MAX_RETRY_ATTEMPTS: Final = option(
        "high-availability.zookeeper.client.max-retry-attempts",
        IntegerKind(0),
        3,
        "How often a failed call to ZooKeeper is repeated.",
        former=("recovery.zookeeper.client.max-retry-attempts",),
        effect=Effect.RESERVED,
    )
    ZOOKEEPER_ACL: Final = option(
        "high-availability.zookeeper.client.acl",
        one_of("open", "creator"),
        "open",
        "Who may change the nodes in ZooKeeper.",
        effect=Effect.RESERVED,
    )
