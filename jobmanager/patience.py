"""Tries again what must not be given up because of a bad moment of ZooKeeper or of the storage."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leadership import LeadershipLostError

__all__ = ["patiently"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


async def patiently(trouble: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what the attempt returns that succeeds, however many it takes, with growing pauses between them.

    :param trouble: what it means that an attempt fails, for the log.
    :param attempt: may be made again.
    :raises LeadershipLostError: the term is over.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except LeadershipLostError:
            raise
        except MillstreamError as error:
            logger.warning("%s; next try in %g s: %s", trouble, pause, error)
        except Exception:  # a defect of who keeps it must not lose it either
            logger.exception("%s; next try in %g s", trouble, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
