"""Completion in shells: ``millstream completion bash`` prints the script, which calls the command line back.

The ids of running jobs are asked of the cluster, if it answers soon.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from millstream.client.cli.options import CONTEXT, epilog

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMPLETE_VARIABLE", "complete", "complete_job_id", "completion", "requested"]

COMPLETE_VARIABLE: Final = "_MILLSTREAM_COMPLETE"
"""The environment variable by which a shell's script asks for completions."""

_PROGRAM: Final = "millstream"
_PATIENCE: Final = "1 s"
_PATIENCE_KEYS: Final = (
    "client.timeout",
    "rest.connection-timeout",
    "rest.await-leader-timeout",
    "high-availability.zookeeper.client.connection-timeout",
)


@click.command(
    context_settings=CONTEXT,
    short_help="Print a script that completes words in a shell.",
    epilog=epilog(
        'eval "$(millstream completion bash)"     # in ~/.bashrc',
        'eval "$(millstream completion zsh)"      # in ~/.zshrc',
        "millstream completion fish > ~/.config/fish/completions/millstream.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script for a shell: with it the shell completes actions, options and the ids of running jobs."""
    return complete(f"{shell}_source")


def complete(instruction: str) -> int:
    """Do what a shell's script asks for: ``bash_source``, or ``bash_complete``."""
    from click.shell_completion import shell_complete

    from millstream.client.cli.actions import ACTIONS

    group = click.Group(_PROGRAM, commands=ACTIONS)
    return shell_complete(group, {}, _PROGRAM, COMPLETE_VARIABLE, instruction)


def complete_job_id(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the running jobs whose ids begin so; none if the cluster does not answer soon."""
    from click.shell_completion import CompletionItem

    from millstream.client.cli.errors import CliArgsError
    from millstream.client.cli.settings import ClusterSettings
    from millstream.client.remote.connection import connect
    from millstream.common.errors import MillstreamError
    from millstream.common.states import JobStatus

    if context.params.get(parameter.name or ""):
        return []  # the id is there already
    given: dict[str, Any] = context.params
    dynamic = (*(given.get("dynamic") or ()), *(f"{key}={_PATIENCE}" for key in _PATIENCE_KEYS))
    try:
        settings = ClusterSettings.parse(given.get("jobmanager"), dynamic, None, False, given.get("namespace"))
        jobs = connect(settings.configuration).list_jobs()
    except (CliArgsError, MillstreamError, OSError):
        return []  # a completion is no place for messages
    return [
        CompletionItem(job.job_id, help=f"{job.name} ({job.state})")
        for job in jobs
        if job.job_id.startswith(incomplete) and not JobStatus(job.state).is_globally_terminal()
    ]


def requested() -> str | None:
    """Return what a shell's script asks for; ``None``: nothing, this is a command line."""
    return os.environ.get(COMPLETE_VARIABLE)
