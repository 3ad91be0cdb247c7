"""Starts the REST server of a process, if it is to have one.

What the server needs takes half a second to import. So that is done here, in a thread, while the process already
serves; nothing is imported where the interface is switched off.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, RestOptions
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.ids import IdFactory
from millstream.common.rpc.service import RpcService

if TYPE_CHECKING:
    from millstream.dispatcher.rest.server import RestServer

__all__ = ["start_rest_server"]

_OFF: Final = -1


async def start_rest_server(
    configuration: Configuration, rpc: RpcService, leaders: LeaderDirectory, clock: Clock, ids: IdFactory
) -> RestServer | None:
    """Return the server, which serves, and must be closed before ``rpc``; ``None``: the interface is switched off.

    :raises OSError: no port can be had; the message names it and the key.
    :raises ConfigurationError: its files for TLS are not what they should be.
    """
    if configuration.get(RestOptions.PORT) == _OFF:
        return None
    importer = ThreadPoolExecutor(1, thread_name_prefix="import-rest")
    try:
        server_class = await asyncio.get_running_loop().run_in_executor(importer, _server_class)
    finally:
        importer.shutdown(wait=False)
    server = server_class(configuration, rpc, leaders, clock, ids)
    try:
        await server.start()
    except BaseException:
        await server.close()
        raise
    return server


def _server_class() -> type[RestServer]:
    from millstream.dispatcher.rest.server import RestServer

    return RestServer
