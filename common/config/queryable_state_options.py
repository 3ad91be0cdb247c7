"""Options of queryable state."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import Effect, option
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, IntegerKind

__all__ = ["QueryableStateOptions"]


class QueryableStateOptions:
    """Queryable state"""

    ENABLE: Final = option(
        "queryable-state.enable",
        BOOLEAN,
        False,
        "Whether TaskManagers answer queries of keyed state.",
        effect=Effect.RESERVED,
    )
    PROXY_PORTS: Final = option(
        "queryable-state.proxy.ports",
        PORT_RANGE,
        "9069",
        "Port or range of ports that clients ask.",
        former=("query.proxy.ports",),
        effect=Effect.RESERVED,
    )
    SERVER_PORTS: Final = option(
        "queryable-state.server.ports",
        PORT_RANGE,
        "9067",
        "Port or range of ports at which state is served.",
        former=("query.server.ports",),
        effect=Effect.RESERVED,
    )
    PROXY_NETWORK_THREADS: Final = option(
        "queryable-state.proxy.network-threads",
        IntegerKind(0),
        0,
        "Threads of the proxy's network; 0 is one per slot.",
        former=("query.proxy.network-threads",),
        effect=Effect.RESERVED,
    )
    PROXY_QUERY_THREADS: Final = option(
        "queryable-state.proxy.query-threads",
        IntegerKind(0),
        0,
        "Threads of the proxy's queries; 0 is one per slot.",
        former=("query.proxy.query-threads",),
        effect=Effect.RESERVED,
    )
    SERVER_NETWORK_THREADS: Final = option(
        "queryable-state.server.network-threads",
        IntegerKind(0),
        0,
        "Threads of the server's network; 0 is one per slot.",
        former=("query.server.network-threads",),
        effect=Effect.RESERVED,
    )
    SERVER_QUERY_THREADS: Final = option(
        "queryable-state.server.query-threads",
        IntegerKind(0),
        0,
        "Threads of the server's queries; 0 is one per slot.",
        former=("query.server.query-threads",),
        effect=Effect.RESERVED,
    )
    CLIENT_NETWORK_THREADS: Final = option(
        "queryable-state.client.network-threads",
        IntegerKind(0),
        0,
        "Threads of a client's network; 0 is one per core.",
        former=("query.client.network-threads",),
        effect=Effect.RESERVED,
    )
