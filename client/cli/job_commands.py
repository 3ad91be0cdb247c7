"""The actions on jobs: their options. What they do lies in modules of their own, imported when they run."""

from __future__ import annotations

from typing import Any

import click

from millstream.client.cli.completion import complete_job_id
from millstream.client.cli.options import CONTEXT, WholeNumber, common_options, epilog, json_option

__all__ = ["cancel", "checkpoint", "list_jobs", "modify", "savepoint", "stop"]


@click.command(
    name="list",
    context_settings=CONTEXT,
    short_help="List running and scheduled jobs.",
    epilog=epilog(
        "millstream list", "millstream list -a -m master:8081", "millstream list --json | jq -r '.jobs[].jid'"
    ),
)
@click.option("-r", "--running", is_flag=True, help="Only running jobs.")
@click.option("-s", "--scheduled", is_flag=True, help="Only scheduled jobs.")
@click.option("-a", "--all", "everything", is_flag=True, help="All jobs, also those that have ended.")
@common_options
@json_option
def list_jobs(running: bool, scheduled: bool, everything: bool, **options: Any) -> int:
    """List running and scheduled jobs."""
    from millstream.client.cli.list_jobs import list_action
    from millstream.client.cli.settings import ClusterSettings

    return list_action(ClusterSettings.parse(**options), running=running, scheduled=scheduled, everything=everything)


@click.command(
    context_settings=CONTEXT,
    short_help="Cancel a running job.",
    epilog=epilog("millstream cancel 3b9af9aa68bff0b6db8f821985e17a96"),
)
@click.option(
    "-s",
    "--withSavepoint",
    "savepoint_directory",
    is_flag=False,
    flag_value="",
    metavar="[<directory>]",
    help="Take a savepoint first (deprecated: see stop).",
)
@common_options
@json_option
@click.argument("job_ids", nargs=-1, metavar="<job id>", shell_complete=complete_job_id)
def cancel(savepoint_directory: str | None, job_ids: tuple[str, ...], **options: Any) -> int:
    """Cancel a running job."""
    from millstream.client.cli.cancel import cancel_action
    from millstream.client.cli.settings import ClusterSettings

    return cancel_action(ClusterSettings.parse(**options), job_ids, savepoint_directory=savepoint_directory)


_format_option = click.option(
    "-type",
    "--type",
    "format_name",
    type=click.Choice(["canonical", "native"], case_sensitive=False),
    default="canonical",
    help="Format of the savepoint: canonical (any state backend reads it; the default) or native (the backend's own).",
)


@click.command(
    context_settings=CONTEXT,
    short_help="Stop a running job with a savepoint.",
    epilog=epilog(
        "millstream stop 3b9af9aa68bff0b6db8f821985e17a96",
        "millstream stop -p file:///savepoints --drain 3b9af9aa68bff0b6db8f821985e17a96",
    ),
)
@click.option("-p", "--savepointPath", "directory", metavar="<directory>", help="Where the savepoint goes.")
@click.option(
    "-d",
    "--drain",
    is_flag=True,
    help="End the input before the savepoint: timers fire, windows close. For jobs that shall not go on from it.",
)
@_format_option
@click.option("-detached", "--detached", is_flag=True, help="Do not wait for the savepoint.")
@common_options
@json_option
@click.argument("job_ids", nargs=-1, metavar="<job id>", shell_complete=complete_job_id)
def stop(
    directory: str | None, drain: bool, format_name: str, detached: bool, job_ids: tuple[str, ...], **options: Any
) -> int:
    """Stop a running job with a savepoint."""
    from millstream.client.cli.settings import ClusterSettings
    from millstream.client.cli.stop import stop_action

    return stop_action(
        ClusterSettings.parse(**options),
        job_ids,
        directory=directory,
        drain=drain,
        format_name=format_name.upper(),
        detached=detached,
    )


@click.command(
    context_settings=CONTEXT,
    short_help="Trigger, dispose of or inspect a savepoint.",
    epilog=epilog(
        "millstream savepoint 3b9af9aa68bff0b6db8f821985e17a96 file:///savepoints",
        "millstream savepoint -d file:///savepoints/savepoint-3b9af9-677f8f78cec7",
        "millstream savepoint inspect file:///savepoints/savepoint-3b9af9-677f8f78cec7",
    ),
)
@click.option("-d", "--dispose", metavar="<path>", help="Delete this savepoint instead of taking one.")
@_format_option
@click.option("-detached", "--detached", is_flag=True, help="Do not wait for the savepoint.")
@common_options
@json_option
@click.argument(
    "arguments", nargs=-1, metavar="<job id> [<target directory>] | inspect <path>", shell_complete=complete_job_id
)
def savepoint(dispose: str | None, format_name: str, detached: bool, arguments: tuple[str, ...], **options: Any) -> int:
    """Trigger a savepoint of a running job, dispose of one, or show what is in one.

    Without a target directory it goes to the one that execution.checkpointing.savepoint-dir names.
    """
    from millstream.client.cli.inspect_savepoint import inspect_action
    from millstream.client.cli.savepoint import dispose_action, savepoint_action
    from millstream.client.cli.settings import ClusterSettings

    settings = ClusterSettings.parse(**options)
    if dispose is not None:
        return dispose_action(settings, dispose)
    if arguments[:1] == ("inspect",):
        return inspect_action(settings, arguments[1:])
    return savepoint_action(settings, arguments, format_name=format_name.upper(), detached=detached)


@click.command(
    context_settings=CONTEXT,
    short_help="Trigger a checkpoint of a running job.",
    epilog=epilog("millstream checkpoint -full 3b9af9aa68bff0b6db8f821985e17a96"),
)
@click.option("-full", "--full", is_flag=True, help="Let it refer to no file of an earlier checkpoint.")
@common_options
@json_option
@click.argument("job_ids", nargs=-1, metavar="<job id>", shell_complete=complete_job_id)
def checkpoint(full: bool, job_ids: tuple[str, ...], **options: Any) -> int:
    """Trigger a checkpoint of a running job."""
    from millstream.client.cli.checkpoint import checkpoint_action
    from millstream.client.cli.settings import ClusterSettings

    return checkpoint_action(ClusterSettings.parse(**options), job_ids, full=full)


@click.command(
    context_settings=CONTEXT,
    short_help="Change the parallelism of a running job.",
    epilog=epilog("millstream modify -p 4 3b9af9aa68bff0b6db8f821985e17a96"),
)
@click.option("-p", "--parallelism", type=WholeNumber(min=1), metavar="<n>", help="The new parallelism.")
@common_options
@json_option
@click.argument("job_ids", nargs=-1, metavar="<job id>", shell_complete=complete_job_id)
def modify(parallelism: int | None, job_ids: tuple[str, ...], **options: Any) -> int:
    """Change the parallelism of a running job: it goes on from a checkpoint that is taken for that."""
    from millstream.client.cli.modify import modify_action
    from millstream.client.cli.settings import ClusterSettings

    return modify_action(ClusterSettings.parse(**options), job_ids, parallelism=parallelism)
