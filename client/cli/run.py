"""``millstream run``: builds a program's jobs in this process and submits them."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

import click

from millstream.client.cli.errors import show_error
from millstream.client.cli.program import NO_JOB_MESSAGE, run_program
from millstream.common.execution import set_context_executor

if TYPE_CHECKING:
    from millstream.client.cli.settings import ProgramSettings

__all__ = ["run_action"]


def run_action(settings: ProgramSettings, *, detached: bool, shutdown_on_exit: bool) -> int:
    """Run the program; every ``execute()`` in it submits to the cluster that the settings name.

    :param detached: ``execute()`` returns after the submission.
    :param shutdown_on_exit: Ctrl-C (or SIGTERM) cancels the job that is waited for.
    """
    from millstream.client.cli.context_executor import ContextExecutor

    executor = ContextExecutor(settings.cluster, detached=detached, shutdown_on_exit=shutdown_on_exit)
    set_context_executor(executor, executor.configuration)
    if shutdown_on_exit:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        run_program(settings)
        executor.await_detached_local_jobs()
    except SystemExit as ended:
        if ended.code not in (None, 0):
            return _exit_code(ended)
    except Exception as error:  # noqa: BLE001  # whatever the user's program raises is shown
        show_error(error, sys.stderr, verbose=settings.cluster.verbose)
        return 1
    finally:
        set_context_executor(None)
    if not executor.submitted:
        sys.stdout.flush()
        click.echo(NO_JOB_MESSAGE, err=True)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    click.echo(ended.code, err=True)
    return 1
