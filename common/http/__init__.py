"""HTTP servers that live on a process's own event loop: the REST interface, and what reporters of metrics serve."""

from __future__ import annotations

from millstream.common.http.http_server import HttpServer

__all__ = ["HttpServer"]
