"""Options of high availability: standby masters and what they take over from."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import MAP
from millstream.common.config.duration import DURATION
from millstream.common.config.option import option, optional
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["HighAvailabilityOptions"]


class HighAvailabilityOptions:
    """High availability"""

    TYPE: Final = option(
        "high-availability.type",
        STRING,
        "NONE",
        "`NONE`: one master, with which the jobs end. `zookeeper`: several masters, one of which leads; another goes on"
        " with its jobs when it ends.",
        former=("high-availability", "recovery.mode"),
    )
    CLUSTER_ID: Final = option(
        "high-availability.cluster-id",
        STRING,
        "/default",
        "Namespace of this cluster among those that share a coordination service.",
        former=("high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"),
    )
    STORAGE_DIR: Final = optional(
        "high-availability.storageDir",
        STRING,
        "Directory that all masters can read and write: job graphs, results of jobs, and checkpoints of jobs that name"
        " no directory of their own.",
        former=("high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"),
    )
    JOB_MANAGER_PORT: Final = option(
        "high-availability.jobmanager.port",
        PORT_RANGE,
        "0",
        "RPC port or range of ports of a master under high availability.",
        former=("recovery.jobmanager.port",),
    )
    ZOOKEEPER_QUORUM: Final = optional(
        "high-availability.zookeeper.quorum",
        STRING,
        "ZooKeeper servers, `host:port` parted by commas.",
        former=("recovery.zookeeper.quorum",),
    )
    ZOOKEEPER_ROOT: Final = option(
        "high-availability.zookeeper.path.root",
        STRING,
        "/flink",
        "Node under which all clusters lie.",
        former=("recovery.zookeeper.path.root",),
    )
    ZOOKEEPER_JOBGRAPHS: Final = option(
        "high-availability.zookeeper.path.jobgraphs",
        STRING,
        "/jobgraphs",
        "Node of the pointers to job graphs.",
        former=("recovery.zookeeper.path.jobgraphs",),
    )
    ZOOKEEPER_SESSION_TIMEOUT: Final = option(
        "high-availability.zookeeper.client.session-timeout",
        DURATION,
        timedelta(minutes=1),
        "Time without contact after which ZooKeeper ends a session, and with it a leadership: how long it takes until a"
        " master that was killed is replaced. The servers may set limits to it.",
        former=("recovery.zookeeper.client.session-timeout",),
    )
    ZOOKEEPER_CONNECTION_TIMEOUT: Final = option(
        "high-availability.zookeeper.client.connection-timeout",
        DURATION,
        timedelta(seconds=15),
        "How long a process that starts waits for ZooKeeper, and how long an answer may take.",
        former=("recovery.zookeeper.client.connection-timeout",),
    )
    ZOOKEEPER_RETRY_WAIT: Final = option(
        "high-availability.zookeeper.client.retry-wait",
        DURATION,
        timedelta(seconds=5),
        "The longest pause between two tries to connect to ZooKeeper, and how long a read that is repeated waits for a"
        " connection.",
        former=("recovery.zookeeper.client.retry-wait",),
    )
    ZOOKEEPER_MAX_RETRY_ATTEMPTS: Final = option(
        "high-availability.zookeeper.client.max-retry-attempts",
        IntegerKind(0),
        3,
        "How often reading from ZooKeeper is repeated when the connection breaks.",
        former=("recovery.zookeeper.client.max-retry-attempts",),
    )
    ZOOKEEPER_ACL: Final = option(
        "high-availability.zookeeper.client.acl",
        one_of("open", "creator"),
        "open",
        "Who may read and change the nodes in ZooKeeper: everybody (`open`), or only who bears the same"
        " `high-availability.zookeeper.client.authorization` (`creator`).",
    )
    ZOOKEEPER_AUTHORIZATION: Final = optional(
        "high-availability.zookeeper.client.authorization",
        MAP,
        "How the processes of the cluster prove to ZooKeeper who they are: a scheme and its credential, such as"
        " `digest:user:password`.",
    )
    ZOOKEEPER_TOLERATE_SUSPENDED: Final = option(
        "high-availability.zookeeper.client.tolerate-suspended-connections",
        BOOLEAN,
        False,
        "Whether a master goes on leading while its connection to ZooKeeper is broken, until its session has expired."
        " Jobs are then not interrupted when a ZooKeeper server restarts.",
    )
