"""Options of the transfer of a job's files."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import Effect, option, optional
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import STRING

__all__ = ["BlobServerOptions"]


class BlobServerOptions:
    """Blob server"""

    PORT: Final = option(
        "blob.server.port",
        PORT_RANGE,
        "0",
        "Port or range of ports of the server of a job's files.",
        effect=Effect.RESERVED,
    )
    STORAGE_DIRECTORY: Final = optional(
        "blob.storage.directory", STRING, "Directory of a job's files.", effect=Effect.RESERVED
    )
