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


def _always(_: Exception) -> bool:
    return True


def _nobody(_: Exception) -> None:
    return


async def patiently(
    trouble: str,
    attempt: Callable[[], Awaitable[T]],
    may_pass: Callable[[Exception], bool] = _always,
    on_trouble: Callable[[Exception], None] = _nobody,
) -> T:
    """Return what the attempt returns that succeeds, however many it takes, with growing pauses between them.

    :param trouble: what it means that an attempt fails, for the log.
    :param attempt: may be made again.
    :param may_pass: whether another attempt may succeed after one has failed with this. Asked once for each.
    :param on_trouble: is told what an attempt has failed with before there is another one.
    :raises LeadershipLostError: the term is over.
    :raises Exception: what an attempt has failed with after which there is no other.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except LeadershipLostError:
            raise
        except Exception as error:  # a defect of who keeps it must not lose it either
            if not may_pass(error):
                raise
            if isinstance(error, MillstreamError):
                logger.warning("%s; next try in %g s: %s", trouble, pause, str(error).partition("\n")[0])
            else:
                logger.exception("%s; next try in %g s", trouble, pause)
            on_trouble(error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
