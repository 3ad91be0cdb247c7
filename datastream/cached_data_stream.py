"""Streams that several jobs of one program use."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from millstream.common.errors import InvalidProgramError
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream

if TYPE_CHECKING:
    from millstream.datastream.operator_settings import OperatorSettings

__all__ = ["CachedDataStream"]


class CachedDataStream(DataStream):
    """What ``cache()`` gives: the same records, in this job and in those that the program starts later.

    This version stores nothing: each job computes the records anew, so they are the same as far as the sources and
    functions give the same again.
    """

    def invalidate(self) -> None:
        """Let the next job compute the records anew. It does so in any case."""

    def _settings(self, method: str) -> OperatorSettings:
        raise InvalidProgramError(
            f"{call_site()}: {method}() is not supported for CachedDataStream: call it before cache()"
        )

    def cache(self) -> NoReturn:
        """Refused: it is cached already."""
        raise InvalidProgramError(f"{call_site()}: the stream is cached already")
