"""How an action that the cluster refuses, or that fails there, ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from millstream.client.cli.errors import show_error
from millstream.common.errors import MillstreamError

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["ActionFailedError", "carried_out"]


class ActionFailedError(MillstreamError):
    """An action failed; the cause says why."""


def carried_out(settings: ClusterSettings, action: Callable[[], None], failed: str) -> int:
    """Carry out an action and return the exit code.

    :param failed: what to say first if it fails; the reason follows.
    """
    try:
        action()
    except MillstreamError as cause:
        failure = ActionFailedError(failed)
        failure.__cause__ = cause
        show_error(failure, sys.stderr, verbose=settings.verbose)
        return 1
    return 0
