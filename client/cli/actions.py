"""The actions that exist."""

from __future__ import annotations

import click

from millstream.client.cli.completion import completion
from millstream.client.cli.ha_commands import ha
from millstream.client.cli.job_commands import cancel, checkpoint, list_jobs, modify, savepoint, stop
from millstream.client.cli.program_commands import info, run, run_application, simulate

__all__ = ["ACTIONS"]

ACTIONS: dict[str, click.Command] = {
    "run": run,
    "run-application": run_application,
    "list": list_jobs,
    "info": info,
    "simulate": simulate,
    "savepoint": savepoint,
    "checkpoint": checkpoint,
    "stop": stop,
    "cancel": cancel,
    "modify": modify,
    "ha": ha,
    "completion": completion,
}
"""By name, in the order of the help."""
