"""``millstream run``: builds a program's jobs in this process and submits them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

import click

from millstream.client.cli.action_failure import failed_with
from millstream.client.cli.client_executable import use_client_executable
from millstream.client.cli.program import NO_JOB_MESSAGE, run_program
from millstream.common.execution import set_context_executor

if TYPE_CHECKING:
    from millstream.client.cli.settings import ProgramSettings

__all__ = ["run_action"]


def run_action(
    settings: ProgramSettings, *, detached: bool, shutdown_on_exit: bool, quiet: bool, arguments: Sequence[str]
) -> int:
    """Run the program; every ``execute()`` in it submits to the cluster that the settings name.

    :param detached: ``execute()`` returns after the submission.
    :param shutdown_on_exit: Ctrl-C (or SIGTERM) cancels the job that is waited for.
    :param quiet: show no progress.
    :param arguments: of this command line, for another interpreter (``python.client.executable``).
    """
    use_client_executable(settings.cluster.configuration, arguments)
    from millstream.client.cli.context_executor import ContextExecutor

    executor = ContextExecutor(
        settings.cluster,
        detached=detached,
        shutdown_on_exit=shutdown_on_exit,
        quiet=quiet,
        classpaths=settings.classpaths,
    )
    set_context_executor(executor, executor.configuration)
    if shutdown_on_exit:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        with settings.cluster.output.program():
            run_program(settings)
            executor.await_detached_local_jobs()
    except SystemExit as ended:
        if ended.code not in (None, 0):
            return _exit_code(ended)
    except Exception as error:  # noqa: BLE001  # whatever the user's program raises is shown
        failed_with(settings.cluster, error)
        return 1
    finally:
        set_context_executor(None)
        executor.close()
    if not executor.submitted:
        sys.stdout.flush()
        click.echo(NO_JOB_MESSAGE, err=True)
        settings.cluster.output.document({"errors": [NO_JOB_MESSAGE]})
        return 1
    settings.cluster.output.document({"jobs": executor.documents})
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    click.echo(ended.code, err=True)
    return 1
