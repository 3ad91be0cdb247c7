"""``millstream info``: runs a program up to its first ``execute()`` and prints what it would submit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from millstream.client.cli.action_failure import failed_with
from millstream.client.cli.program import NO_JOB_MESSAGE, run_program
from millstream.common.execution import JobClient, set_context_executor

if TYPE_CHECKING:
    from millstream.client.cli.settings import ProgramSettings
    from millstream.common.config import Configuration
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["info_action"]

_HEADER = "----------------------- Execution Plan -----------------------"
_FOOTER = "--------------------------------------------------------------"


class PlanReady(BaseException):  # not an error: it ends the program, past its own `except Exception`
    """Ends the user's program at its first ``execute()``.

    :ivar plan_json: of the job it would have submitted.
    """

    def __init__(self, plan_json: str) -> None:
        super().__init__()
        self.plan_json = plan_json


class PlanExecutor:
    """Takes the plan of a job and ends the program."""

    def __init__(self, parallelism: int) -> None:
        self._parallelism = parallelism

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        raise PlanReady(job_graph.plan_json)

    def default_parallelism(self, configuration: Configuration) -> int:
        return self._parallelism

    def attached(self) -> bool:
        return True


def info_action(settings: ProgramSettings) -> int:
    """Print the plan as JSON."""
    from millstream.common.config import CoreOptions

    configuration = settings.cluster.configuration
    set_context_executor(PlanExecutor(configuration.get(CoreOptions.DEFAULT_PARALLELISM)), configuration)
    try:
        with settings.cluster.output.program():
            run_program(settings)
    except PlanReady as ready:
        if settings.cluster.output.json:
            click.echo(ready.plan_json)
            return 0
        click.echo(f"{_HEADER}\n{ready.plan_json}\n{_FOOTER}\n\nNo description provided.")
        return 0
    except SystemExit as ended:
        if ended.code not in (None, 0):
            return _exit_code(ended)
    except Exception as error:  # noqa: BLE001  # whatever the user's program raises is shown
        failed_with(settings.cluster, error)
        return 1
    finally:
        set_context_executor(None)
    click.echo(NO_JOB_MESSAGE, err=True)
    settings.cluster.output.document({"errors": [NO_JOB_MESSAGE]})
    return 1


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    click.echo(ended.code, err=True)
    return 1
