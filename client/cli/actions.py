"""The actions' options. What an action does lies in a module of its own, imported when it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from millstream.client.cli.ha_commands import ha

__all__ = ["ACTIONS"]

F = TypeVar("F", bound=Callable[..., Any])

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_PROGRAM_CONTEXT = {**_CONTEXT, "allow_interspersed_args": False}  # after the script all arguments are the program's


class _WholeNumber(click.IntRange):
    name = "whole number"  # as messages call it


def _common_options(function: F) -> F:
    """Add the options that every action has."""
    decorators = [
        click.option(
            "-m",
            "--jobmanager",
            metavar="<host:port>",
            help="Master to connect to: the address of its RPC service (jobmanager.rpc.address:jobmanager.rpc.port).",
        ),
        click.option(
            "-D", "dynamic", metavar="<key=value>", multiple=True, help="Set any configuration key; can be repeated."
        ),
        click.option(
            "-t", "--target", metavar="<target>", help='Where to run: "remote" (a running cluster) or "local".'
        ),
        click.option("-v", "--verbose", is_flag=True, help="Show errors with their whole traceback."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def _program_options(function: F) -> F:
    """Add the options that say which program to run, and how."""
    decorators = [
        click.option(
            "-p",
            "--parallelism",
            type=_WholeNumber(min=1),
            metavar="<n>",
            help="Parallelism of the program where it sets none.",
        ),
        click.option("-py", "--python", metavar="<script>", help="The program; the arguments are then all its own."),
        click.option(
            "-pym",
            "--pyModule",
            "-c",
            "module",
            metavar="<module>",
            help="Run a module as the program (as python -m does) instead of a script.",
        ),
        click.option(
            "-pyfs",
            "--pyFiles",
            "python_files",
            metavar="<files>",
            help="Files for the import path of the program and of the workers: .py, .zip or directories, "
            "comma-separated.",
        ),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@click.command(context_settings=_PROGRAM_CONTEXT, short_help="Build and submit a program.")
@click.option("-d", "--detached", is_flag=True, help="Return after the submission.")
@click.option(
    "-sae",
    "--shutdownOnAttachedExit",
    "shutdown_on_exit",
    is_flag=True,
    help="Cancel the job when the command is broken off (Ctrl-C) in attached mode.",
)
@click.option(
    "-s",
    "--fromSavepoint",
    "savepoint",
    metavar="<path>",
    help="Begin from a savepoint or a retained checkpoint: its directory, or that of a job's checkpoints (the latest).",
)
@click.option(
    "-n",
    "--allowNonRestoredState",
    "allow_non_restored_state",
    is_flag=True,
    help="Leave out state in the savepoint whose operator the program does not have.",
)
@click.option(
    "-cm",
    "--claimMode",
    "-rm",
    "--restoreMode",
    "claim_mode",
    type=click.Choice(["claim", "no_claim", "legacy"], case_sensitive=False),
    help="Who owns the files of the savepoint from then on: the job (claim) or whoever did (no_claim, the default).",
)
@_program_options
@_common_options
@click.argument("arguments", nargs=-1, metavar="[job.py] [ARGUMENTS]...")
def run(**options: Any) -> int:
    """Build and submit a program.

    The program is a Python script (or, with -pym, a module) that builds a job and calls execute(). It runs in this
    process; the modules beside it that it imports are sent along with the job.
    """
    from millstream.client.cli.run import run_action
    from millstream.client.cli.settings import ProgramSettings

    detached, shutdown_on_exit = options.pop("detached"), options.pop("shutdown_on_exit")
    return run_action(ProgramSettings.parse(**options), detached=detached, shutdown_on_exit=shutdown_on_exit)


@click.command(name="list", context_settings=_CONTEXT, short_help="List running and scheduled jobs.")
@click.option("-r", "--running", is_flag=True, help="Only running jobs.")
@click.option("-s", "--scheduled", is_flag=True, help="Only scheduled jobs.")
@click.option("-a", "--all", "everything", is_flag=True, help="All jobs, also those that have ended.")
@_common_options
def list_jobs(running: bool, scheduled: bool, everything: bool, **options: Any) -> int:
    """List running and scheduled jobs."""
    from millstream.client.cli.list_jobs import list_action
    from millstream.client.cli.settings import ClusterSettings

    return list_action(ClusterSettings.parse(**options), running=running, scheduled=scheduled, everything=everything)


@click.command(context_settings=_PROGRAM_CONTEXT, short_help="Print a program's plan without running it.")
@_program_options
@_common_options
@click.argument("arguments", nargs=-1, metavar="[job.py] [ARGUMENTS]...")
def info(**options: Any) -> int:
    """Print the plan of a program, in JSON, without running it."""
    from millstream.client.cli.info import info_action
    from millstream.client.cli.settings import ProgramSettings

    return info_action(ProgramSettings.parse(**options))


@click.command(
    context_settings=_PROGRAM_CONTEXT, short_help="Run a program's job in a simulated cluster, under faults."
)
@click.option("--seeds", metavar="<seeds>", default="0..99", help="Such as 7, 0..999 or 3,5,9 (0..99).")
@click.option("--faults", metavar="<kinds>", default="all", help="Kinds of faults, comma-separated, all or none (all).")
@click.option("--task-managers", type=_WholeNumber(min=1), metavar="<n>", default=2, help="TaskManagers (2).")
@click.option("--masters", type=_WholeNumber(min=1), metavar="<n>", default=2, help="Masters; one leads (2).")
@click.option(
    "--slots",
    type=_WholeNumber(min=1),
    metavar="<n>",
    help="Slots of each TaskManager; by default as many as the job needs in all, and a spare one.",
)
@click.option(
    "--horizon",
    type=click.FloatRange(min=0),
    metavar="<seconds>",
    default=20.0,
    help="Simulated seconds after which nothing goes wrong any more (20).",
)
@click.option("--timeline", is_flag=True, help="Print what happens as it happens.")
@click.option(
    "--workers", type=_WholeNumber(min=1), metavar="<n>", default=1, help="Processes that run seeds side by side (1)."
)
@_program_options
@_common_options
@click.argument("arguments", nargs=-1, metavar="[job.py] [ARGUMENTS]...")
def simulate(
    seeds: str,
    faults: str,
    task_managers: int,
    masters: int,
    slots: int | None,
    horizon: float,
    timeline: bool,
    workers: int,
    **options: Any,
) -> int:
    """Run a program's job in a simulated cluster, under faults, once for each seed.

    What the job writes to files must be what it writes without faults, and all that the engine promises must hold. A
    seed that shows otherwise is printed with what led to it, and is the same whenever it is run. Nothing is written in
    reality.
    """
    import shlex
    import sys

    from millstream.client.cli.settings import ProgramSettings
    from millstream.client.cli.simulate import SimulationSettings, simulate_action

    def replay(seed: int) -> list[str]:
        # The last option of a kind counts; the program and its arguments come after all options.
        given = sys.argv[sys.argv.index("simulate") + 1 :] if "simulate" in sys.argv else []
        program = list(options["arguments"])
        own = given[: len(given) - len(program)] if program else given
        return ["millstream", "simulate", *map(shlex.quote, [*own, "--seeds", str(seed), "--timeline", *program])]

    simulation = SimulationSettings(seeds, faults, task_managers, masters, slots, horizon, timeline, workers)
    return simulate_action(ProgramSettings.parse(**options), simulation, replay)


@click.command(context_settings=_CONTEXT, short_help="Cancel a running job.")
@click.option(
    "-s",
    "--withSavepoint",
    "savepoint_directory",
    is_flag=False,
    flag_value="",
    metavar="[<directory>]",
    help="Take a savepoint first (deprecated: see stop).",
)
@_common_options
@click.argument("job_ids", nargs=-1, metavar="<job id>")
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


@click.command(context_settings=_CONTEXT, short_help="Stop a running job with a savepoint.")
@click.option("-p", "--savepointPath", "directory", metavar="<directory>", help="Where the savepoint goes.")
@click.option(
    "-d",
    "--drain",
    is_flag=True,
    help="End the input before the savepoint: timers fire, windows close. For jobs that shall not go on from it.",
)
@_format_option
@click.option("-detached", "--detached", is_flag=True, help="Do not wait for the savepoint.")
@_common_options
@click.argument("job_ids", nargs=-1, metavar="<job id>")
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


@click.command(context_settings=_CONTEXT, short_help="Trigger, dispose of or inspect a savepoint.")
@click.option("-d", "--dispose", metavar="<path>", help="Delete this savepoint instead of taking one.")
@_format_option
@click.option("-detached", "--detached", is_flag=True, help="Do not wait for the savepoint.")
@_common_options
@click.argument("arguments", nargs=-1, metavar="<job id> [<target directory>] | inspect <path>")
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


@click.command(context_settings=_CONTEXT, short_help="Trigger a checkpoint of a running job.")
@click.option("-full", "--full", is_flag=True, help="Let it refer to no file of an earlier checkpoint.")
@_common_options
@click.argument("job_ids", nargs=-1, metavar="<job id>")
def checkpoint(full: bool, job_ids: tuple[str, ...], **options: Any) -> int:
    """Trigger a checkpoint of a running job."""
    from millstream.client.cli.checkpoint import checkpoint_action
    from millstream.client.cli.settings import ClusterSettings

    return checkpoint_action(ClusterSettings.parse(**options), job_ids, full=full)


@click.command(context_settings=_CONTEXT, short_help="Change the parallelism of a running job.")
@click.option("-p", "--parallelism", type=_WholeNumber(min=1), metavar="<n>", help="The new parallelism.")
@_common_options
@click.argument("job_ids", nargs=-1, metavar="<job id>")
def modify(parallelism: int | None, job_ids: tuple[str, ...], **options: Any) -> int:
    """Change the parallelism of a running job: it goes on from a checkpoint that is taken for that."""
    from millstream.client.cli.modify import modify_action
    from millstream.client.cli.settings import ClusterSettings

    return modify_action(ClusterSettings.parse(**options), job_ids, parallelism=parallelism)


ACTIONS: dict[str, click.Command] = {
    "run": run,
    "list": list_jobs,
    "info": info,
    "simulate": simulate,
    "savepoint": savepoint,
    "checkpoint": checkpoint,
    "stop": stop,
    "cancel": cancel,
    "modify": modify,
    "ha": ha,
}
"""The actions that exist, by name, in the order of the help."""
