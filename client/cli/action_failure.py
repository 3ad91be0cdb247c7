"""How an action that the cluster refuses, or that fails there, ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from millstream.client.cli.errors import show_error
from millstream.common.errors import MillstreamError

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["ActionFailedError", "carried_out", "failed_with"]


class ActionFailedError(MillstreamError):
    """An action failed; the cause says why."""


def failed_with(settings: ClusterSettings, error: BaseException) -> None:
    """Show what an action or a program ended with: to people, and to scripts as the REST interface tells it."""
    show_error(error, sys.stderr, verbose=settings.verbose)
    causes = [error, *([error.__cause__] if error.__cause__ is not None else [])]
    settings.output.document({"errors": [str(each) or type(each).__name__ for each in causes]})


def carried_out(settings: ClusterSettings, action: Callable[[], None], failed: str) -> int:
    """Carry out an action and return the exit code.

    :param failed: what to say first if it fails; the reason follows.
    """
    try:
        action()
    except MillstreamError as cause:
        failure = ActionFailedError(failed)
        failure.__cause__ = cause
        failed_with(settings, failure)
        return 1
    return 0
