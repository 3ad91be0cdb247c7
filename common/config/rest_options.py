"""Options of the REST interface and its clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.port_range import PORT_NUMBER, PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind

__all__ = ["RestOptions"]


class RestOptions:
    """REST"""

    ADDRESS: Final = optional(
        "rest.address", STRING, "Host name at which clients reach the REST interface.", effect=Effect.RESERVED
    )
    PORT: Final = option(
        "rest.port",
        PORT_NUMBER,
        8081,
        "Port that clients use, and that the server takes where `rest.bind-port` is not set.",
        effect=Effect.RESERVED,
    )
    BIND_ADDRESS: Final = optional(
        "rest.bind-address", STRING, "Network interface that the REST server listens on.", effect=Effect.RESERVED
    )
    BIND_PORT: Final = option(
        "rest.bind-port", PORT_RANGE, "8081", "Port or range of ports that the server tries.", effect=Effect.RESERVED
    )
    PATH: Final = optional("rest.path", STRING, "Path part of the address that clients use.", effect=Effect.RESERVED)
    URL_PREFIX: Final = option(
        "rest.url-prefix",
        STRING,
        "/",
        "What clients put between the address and `/v1`, such as `/foo/`.",
        effect=Effect.RESERVED,
    )
    CONNECTION_TIMEOUT: Final = option(
        "rest.connection-timeout",
        DURATION,
        timedelta(seconds=15),
        "How long a client tries to connect.",
        effect=Effect.RESERVED,
    )
    IDLENESS_TIMEOUT: Final = option(
        "rest.idleness-timeout",
        DURATION,
        timedelta(minutes=5),
        "How long a connection may be idle.",
        effect=Effect.RESERVED,
    )
    AWAIT_LEADER_TIMEOUT: Final = option(
        "rest.await-leader-timeout",
        DURATION,
        timedelta(seconds=30),
        "How long a client waits until there is a leading master.",
        effect=Effect.RESERVED,
    )
    RETRY_MAX_ATTEMPTS: Final = option(
        "rest.retry.max-attempts", IntegerKind(0), 20, "How often a client repeats a call.", effect=Effect.RESERVED
    )
    RETRY_DELAY: Final = option(
        "rest.retry.delay",
        DURATION,
        timedelta(seconds=3),
        "Pause before a client repeats a call.",
        effect=Effect.RESERVED,
    )
    CLIENT_MAX_CONTENT_LENGTH: Final = option(
        "rest.client.max-content-length",
        IntegerKind(1),
        104857600,
        "Most bytes of an answer that a client takes.",
        effect=Effect.RESERVED,
    )
    SERVER_MAX_CONTENT_LENGTH: Final = option(
        "rest.server.max-content-length",
        IntegerKind(1),
        104857600,
        "Most bytes of a request that the server takes.",
        effect=Effect.RESERVED,
    )
    SERVER_NUM_THREADS: Final = option(
        "rest.server.numThreads", IntegerKind(1), 4, "Threads that handle requests.", effect=Effect.RESERVED
    )
    ASYNC_STORE_DURATION: Final = option(
        "rest.async.store-duration",
        DURATION,
        timedelta(minutes=5),
        "How long the result of an asynchronous operation can be asked for.",
    )
    FLAMEGRAPH_ENABLED: Final = option(
        "rest.flamegraph.enabled", BOOLEAN, False, "Whether flame graphs are offered.", effect=Effect.RESERVED
    )
    PROFILING_ENABLED: Final = option(
        "rest.profiling.enabled", BOOLEAN, False, "Whether the profiler is offered.", effect=Effect.RESERVED
    )
