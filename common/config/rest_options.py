"""Options of the REST interface and its clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import option, optional
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind

__all__ = ["RestOptions"]


class RestOptions:
    """REST"""

    ADDRESS: Final = optional(
        "rest.address",
        STRING,
        "Host name at which clients reach the REST interface, and that a browser may call it by. Unset: the bind "
        "address.",
    )
    PORT: Final = option(
        "rest.port",
        IntegerKind(-1, 65535),
        8081,
        "Port that clients use, and that the server takes where `rest.bind-port` is not set. -1 switches the REST "
        "interface off.",
    )
    BIND_ADDRESS: Final = option(
        "rest.bind-address",
        STRING,
        "localhost",
        "Network interface that the REST server listens on. Whoever reaches it may run code, unless "
        "`rest.authentication.token` is set.",
    )
    BIND_PORT: Final = option(
        "rest.bind-port",
        PORT_RANGE,
        "8081",
        "Port or range of ports that the server tries. Unset: `rest.port`.",
    )
    AUTHENTICATION_TOKEN: Final = optional(
        "rest.authentication.token",
        STRING,
        "What clients of the REST interface must show: `Authorization: Bearer <token>`, or any user name with it as "
        "password. Unset: nothing.",
    )
    PATH: Final = optional(
        "rest.path",
        STRING,
        "Path part of the address that clients use, where a proxy stands before the server. Unset: `rest.url-prefix`.",
    )
    URL_PREFIX: Final = option(
        "rest.url-prefix",
        STRING,
        "/",
        "What stands between the address and `/v1`, such as `/foo/`; the server answers with and without it.",
    )
    CONNECTION_TIMEOUT: Final = option(
        "rest.connection-timeout",
        DURATION,
        timedelta(seconds=15),
        "How long a client tries to connect.",
    )
    IDLENESS_TIMEOUT: Final = option(
        "rest.idleness-timeout",
        DURATION,
        timedelta(minutes=5),
        "How long the server leaves an idle connection open.",
    )
    AWAIT_LEADER_TIMEOUT: Final = option(
        "rest.await-leader-timeout",
        DURATION,
        timedelta(seconds=30),
        "How long a client of the REST interface waits until there is a leading master.",
    )
    RETRY_MAX_ATTEMPTS: Final = option(
        "rest.retry.max-attempts",
        IntegerKind(0),
        20,
        "How often a client repeats a call to a REST interface that has answered before and is not reached now.",
    )
    RETRY_DELAY: Final = option(
        "rest.retry.delay",
        DURATION,
        timedelta(seconds=3),
        "Pause before a client repeats a call.",
    )
    CLIENT_MAX_CONTENT_LENGTH: Final = option(
        "rest.client.max-content-length",
        IntegerKind(1),
        104857600,
        "Most bytes of an answer that a client takes.",
    )
    SERVER_MAX_CONTENT_LENGTH: Final = option(
        "rest.server.max-content-length",
        IntegerKind(1),
        104857600,
        "Most bytes of a request's body that the server takes; a longer one gets status 413.",
    )
    SERVER_NUM_THREADS: Final = option(
        "rest.server.numThreads",
        IntegerKind(1),
        4,
        "Threads for what would hold other requests up: files and large answers.",
    )
    ASYNC_STORE_DURATION: Final = option(
        "rest.async.store-duration",
        DURATION,
        timedelta(minutes=5),
        "How long the result of an asynchronous operation can be asked for.",
    )
    FLAMEGRAPH_ENABLED: Final = option(
        "rest.flamegraph.enabled",
        BOOLEAN,
        False,
        "Whether flame graphs are offered: looking costs the tasks some time.",
    )
    FLAMEGRAPH_CLEANUP_INTERVAL: Final = option(
        "rest.flamegraph.cleanup-interval",
        DURATION,
        timedelta(minutes=10),
        "How long the samples of a flame graph are kept that nobody looks at.",
    )
    FLAMEGRAPH_REFRESH_INTERVAL: Final = option(
        "rest.flamegraph.refresh-interval",
        DURATION,
        timedelta(minutes=1),
        "How old a flame graph may be before new samples are taken.",
    )
    FLAMEGRAPH_NUM_SAMPLES: Final = option(
        "rest.flamegraph.num-samples",
        IntegerKind(1),
        100,
        "How often the stacks of a task are looked at for one graph.",
    )
    FLAMEGRAPH_DELAY: Final = option(
        "rest.flamegraph.delay-between-samples",
        DURATION,
        timedelta(milliseconds=50),
        "Pause between two looks at the stacks of a task.",
    )
    FLAMEGRAPH_STACK_DEPTH: Final = option(
        "rest.flamegraph.stack-depth", IntegerKind(1, 200), 100, "How many frames of a stack a flame graph shows."
    )
    PROFILING_ENABLED: Final = option(
        "rest.profiling.enabled", BOOLEAN, False, "Whether the profiler is offered: who may look sees all of a process."
    )
    PROFILING_HISTORY_SIZE: Final = option(
        "rest.profiling.history-size", IntegerKind(1), 10, "How many profiles of a process are kept."
    )
    PROFILING_DURATION_MAX: Final = option(
        "rest.profiling.duration-max", DURATION, timedelta(minutes=5), "How long one profile may take."
    )
    PROFILING_DIR: Final = optional(
        "rest.profiling.dir",
        STRING,
        "Where profiles are kept while the server runs. Unset: the system's directory for temporary files.",
    )
