"""Options of a TaskManager: addresses, slots, the network stack, cancellation."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.memory_size import MemorySizeKind
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.port_range import PORT_NUMBER, PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["TaskManagerOptions"]


class TaskManagerOptions:
    """TaskManager"""

    HOST: Final = optional(
        "taskmanager.host",
        STRING,
        "Host name at which the master and other TaskManagers reach this one. Unset: `localhost`.",
    )
    BIND_HOST: Final = option(
        "taskmanager.bind-host",
        STRING,
        "localhost",
        "Network interface that the TaskManager listens on. The default accepts connections from this host only.",
    )
    RPC_PORT: Final = option(
        "taskmanager.rpc.port", PORT_RANGE, "0", "RPC port or range of ports to try; 0 lets the system choose."
    )
    DATA_PORT: Final = option(
        "taskmanager.data.port",
        PORT_NUMBER,
        0,
        "Port for the data that tasks exchange. The system chooses one for each slot's worker.",
        effect=Effect.RESERVED,
    )
    DATA_SSL_ENABLED: Final = option(
        "taskmanager.data.ssl.enabled",
        BOOLEAN,
        True,
        "Whether data between tasks is encrypted where `security.ssl.internal.enabled` is set.",
        effect=Effect.RESERVED,
    )
    NUM_TASK_SLOTS: Final = option(
        "taskmanager.numberOfTaskSlots",
        IntegerKind(1),
        1,
        "Slots of each TaskManager. A slot is a process of its own, so the number of cores is a good choice.",
    )
    SLOT_ISOLATION: Final = option(
        "taskmanager.slot.isolation",
        one_of("process", "thread"),
        "process",
        "What a slot is. `process`: a worker process, which gives it a core and lets a crash take it alone. "
        "`thread`: a thread of the TaskManager, for debugging, tests and free-threaded Python.",
    )
    PRESTARTED_WORKERS: Final = option(
        "taskmanager.slot.prestarted-workers",
        IntegerKind(-1),
        -1,
        "Worker processes kept ready so that a job starts at once; -1 means one per slot.",
    )
    RESOURCE_ID: Final = optional(
        "taskmanager.resource-id", STRING, "Fixed resource id of the TaskManager, rather than a random one."
    )
    REGISTRATION_TIMEOUT: Final = option(
        "taskmanager.registration.timeout",
        DURATION,
        timedelta(minutes=5),
        "How long the TaskManager tries to register at the master before it gives up and exits.",
        former=("taskmanager.maxRegistrationDuration",),
    )
    SLOT_TIMEOUT: Final = option(
        "taskmanager.slot.timeout",
        DURATION,
        timedelta(seconds=10),
        "How long a slot stays allocated to a job that does not take it.",
    )
    MEMORY_SEGMENT_SIZE: Final = option(
        "taskmanager.memory.segment-size",
        MemorySizeKind(minimum=256),
        32 << 10,
        "Size of a network buffer. A record that is longer spans several.",
    )
    BUFFERS_PER_CHANNEL: Final = option(
        "taskmanager.network.memory.buffers-per-channel",
        IntegerKind(0),
        2,
        "Network buffers that each channel has for itself.",
    )
    FLOATING_BUFFERS_PER_GATE: Final = option(
        "taskmanager.network.memory.floating-buffers-per-gate",
        IntegerKind(0),
        8,
        "Network buffers that the channels of an input gate share; they go where the backlog is.",
    )
    REQUEST_BACKOFF_INITIAL_MS: Final = option(
        "taskmanager.network.request-backoff.initial",
        IntegerKind(1),
        100,
        "Milliseconds until a request for a partition that does not exist yet is repeated.",
        former=("taskmanager.net.request-backoff.initial",),
    )
    REQUEST_BACKOFF_MAX_MS: Final = option(
        "taskmanager.network.request-backoff.max",
        IntegerKind(1),
        10000,
        "Most milliseconds between two requests for a partition that does not exist yet.",
        former=("taskmanager.net.request-backoff.max",),
    )
    NETWORK_RETRIES: Final = option(
        "taskmanager.network.retries",
        IntegerKind(0),
        0,
        "How often a failed connection between workers is tried again.",
        effect=Effect.RESERVED,
    )
    BUFFER_DEBLOAT_ENABLED: Final = option(
        "taskmanager.network.memory.buffer-debloat.enabled",
        BOOLEAN,
        False,
        "Whether buffers shrink so that the data in flight is consumed within the target time.",
        effect=Effect.RESERVED,
    )
    BUFFER_DEBLOAT_TARGET: Final = option(
        "taskmanager.network.memory.buffer-debloat.target",
        DURATION,
        timedelta(seconds=1),
        "Time within which the data in flight shall be consumed.",
        effect=Effect.RESERVED,
    )
    NETWORK_DETAILED_METRICS: Final = option(
        "taskmanager.network.detailed-metrics",
        BOOLEAN,
        False,
        "Whether there are metrics of each gate's queue lengths.",
    )
    TASK_CANCELLATION_INTERVAL: Final = option(
        "task.cancellation.interval",
        DURATION,
        timedelta(seconds=30),
        "Time between two attempts to interrupt a task that does not react to its cancellation.",
        former=("task.cancellation-interval",),
    )
    TASK_CANCELLATION_TIMEOUT: Final = option(
        "task.cancellation.timeout",
        DURATION,
        timedelta(minutes=3),
        "Time after which the worker of a task that does not react to its cancellation is killed; 0 waits for ever.",
    )
    TASK_CANCELLATION_TIMERS_TIMEOUT: Final = option(
        "task.cancellation.timers.timeout",
        DURATION,
        timedelta(milliseconds=7500),
        "How long a cancelled task waits for a timer that is being handled.",
        former=("timerservice.exceptional.shutdown.timeout",),
        effect=Effect.RESERVED,
    )
    EXIT_ON_OUT_OF_MEMORY: Final = option(
        "taskmanager.jvm-exit-on-oom",
        BOOLEAN,
        False,
        "Whether a TaskManager's JVM exits on an out-of-memory error. A slot is a process here and dies alone.",
        effect=Effect.JVM_ONLY,
    )
    LOG_PATH: Final = optional(
        "taskmanager.log.path",
        STRING,
        "Log file of a TaskManager that the interface shows, with those beside it: `x.out` and the rotated ones. "
        "Unset: the one that the TaskManager writes.",
    )
