"""Options of the master process: addresses, scheduling, the store of finished jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION, DURATION_IN_SECONDS
from millstream.common.config.memory_size import MEMORY_SIZE
from millstream.common.config.option import Effect, FormerKey, option, optional
from millstream.common.config.port_range import PORT_NUMBER
from millstream.common.config.value_kind import STRING, IntegerKind, one_of

__all__ = ["JobManagerOptions"]


class JobManagerOptions:
    """JobManager"""

    ADDRESS: Final = option(
        "jobmanager.rpc.address",
        STRING,
        "localhost",
        "Host name at which TaskManagers and clients reach the master.",
    )
    PORT: Final = option("jobmanager.rpc.port", PORT_NUMBER, 6123, "RPC port of the master; 0 lets the system choose.")
    RPC_BIND_PORT: Final = optional(
        "jobmanager.rpc.bind-port",
        PORT_NUMBER,
        "Local RPC port where it differs from the one that others use, as behind a port forwarding.",
        effect=Effect.RESERVED,
    )
    BIND_HOST: Final = option(
        "jobmanager.bind-host",
        STRING,
        "localhost",
        "Network interface that the master listens on. The default accepts connections from this host only.",
    )
    MEMORY_PROCESS_SIZE: Final = optional(
        "jobmanager.memory.process.size",
        MEMORY_SIZE,
        "Memory of the master process in all.",
        former=("jobmanager.heap.size", FormerKey("jobmanager.heap.mb", lambda text: f"{text.strip()}m")),
        effect=Effect.RESERVED,
    )
    MEMORY_FLINK_SIZE: Final = optional(
        "jobmanager.memory.flink.size",
        MEMORY_SIZE,
        "Memory of the master without a JVM's overhead and metaspace.",
        effect=Effect.JVM_ONLY,
    )
    MEMORY_HEAP_SIZE: Final = optional(
        "jobmanager.memory.heap.size", MEMORY_SIZE, "Heap of the master's JVM.", effect=Effect.JVM_ONLY
    )
    MEMORY_OFF_HEAP_SIZE: Final = option(
        "jobmanager.memory.off-heap.size",
        MEMORY_SIZE,
        128 << 20,
        "Memory of the master's JVM outside its heap.",
        effect=Effect.JVM_ONLY,
    )
    MEMORY_JVM_METASPACE_SIZE: Final = option(
        "jobmanager.memory.jvm-metaspace.size",
        MEMORY_SIZE,
        256 << 20,
        "Metaspace of the master's JVM.",
        effect=Effect.JVM_ONLY,
    )
    EXECUTION_FAILOVER_STRATEGY: Final = option(
        "jobmanager.execution.failover-strategy",
        one_of("region", "full"),
        "region",
        "What restarts after a task has failed: `region` only the tasks that exchange data with it, `full` the job.",
    )
    MAX_ATTEMPTS_HISTORY_SIZE: Final = option(
        "jobmanager.execution.attempts-history-size",
        IntegerKind(1),
        16,
        "Number of earlier execution attempts kept for each subtask.",
        former=("job-manager.max-attempts-history-size",),
    )
    EXCEPTION_HISTORY_SIZE: Final = option(
        "web.exception-history-size", IntegerKind(1), 16, "Number of failures kept for each job."
    )
    SCHEDULER: Final = option(
        "jobmanager.scheduler",
        one_of("Default", "Adaptive", "AdaptiveBatch"),
        "Default",
        "The scheduler of new jobs.",
        effect=Effect.RESERVED,
    )
    SCHEDULER_MODE: Final = optional(
        "scheduler-mode",
        one_of("REACTIVE"),
        "`REACTIVE` lets a job use every slot of the cluster.",
        effect=Effect.RESERVED,
    )
    ARCHIVE_DIR: Final = optional(
        "jobmanager.archive.fs.dir",
        STRING,
        "Directory or URI into which each job is archived when it has ended, for the history server. Unset: none is.",
    )
    RESOURCE_ID: Final = optional(
        "jobmanager.resource-id",
        STRING,
        "Fixed resource id of the master, rather than a random one.",
        effect=Effect.RESERVED,
    )
    JOB_STORE_EXPIRATION_TIME: Final = option(
        "jobstore.expiration-time",
        DURATION_IN_SECONDS,
        timedelta(hours=1),
        "How long a finished job stays visible. A bare number is in seconds.",
    )
    JOB_STORE_CACHE_SIZE: Final = option(
        "jobstore.cache-size",
        MEMORY_SIZE,
        52428800,
        "Memory for finished jobs.",
        effect=Effect.RESERVED,
    )
    JOB_STORE_MAX_CAPACITY: Final = option(
        "jobstore.max-capacity", IntegerKind(1), 1000, "Number of finished jobs kept; the oldest leave first."
    )
    JOB_STORE_TYPE: Final = option(
        "jobstore.type",
        one_of("File", "Memory"),
        "Memory",
        "Where finished jobs are kept.",
        effect=Effect.RESERVED,
    )
    JOB_RESULT_STORE_PATH: Final = optional(
        "job-result-store.storage-path",
        STRING,
        "Directory for the results of finished jobs under high availability, "
        "instead of `high-availability.storageDir`.",
    )
    SLOT_REQUEST_TIMEOUT: Final = option(
        "slot.request.timeout",
        DURATION,
        timedelta(minutes=5),
        "How long a job waits for slots before it fails.",
    )
    SLOT_IDLE_TIMEOUT: Final = option(
        "slot.idle.timeout",
        DURATION,
        timedelta(seconds=50),
        "How long a job keeps a slot that it does not use.",
    )
