"""The actions that run a program: their options. What they do lies in modules of their own, imported when they run."""

from __future__ import annotations

import sys
from typing import Any

import click

from millstream.client.cli.options import (
    PROGRAM_CONTEXT,
    WholeNumber,
    common_options,
    epilog,
    json_option,
    program_options,
    savepoint_options,
)

__all__ = ["info", "run", "run_application", "simulate"]


@click.command(
    context_settings=PROGRAM_CONTEXT,
    short_help="Build and submit a program.",
    epilog=epilog(
        "millstream run job.py --input data.csv",
        "millstream run -d -p 4 -m master:8081 job.py",
        "millstream run -s file:///savepoints/savepoint-3b9af9-677f8f78cec7 job.py",
        "millstream run -d --json job.py | jq -r '.jobs[0].jid'",
    ),
)
@click.option("-d", "--detached", is_flag=True, help="Return after the submission.")
@click.option(
    "-sae",
    "--shutdownOnAttachedExit",
    "shutdown_on_exit",
    is_flag=True,
    help="Cancel the job when the command is broken off (Ctrl-C) in attached mode, or ends in any other way.",
)
@savepoint_options
@click.option("-q", "--sysoutLogging", "quiet", is_flag=True, help="Show no progress.")
@program_options
@common_options
@json_option
@click.argument("arguments", nargs=-1, metavar="[job.py] [ARGUMENTS]...")
def run(**options: Any) -> int:
    """Build and submit a program.

    The program is a Python script (or, with -pym, a module) that builds a job and calls execute(). It runs in this
    process; the modules beside it that it imports are sent along with the job.
    """
    from millstream.client.cli.run import run_action
    from millstream.client.cli.settings import ProgramSettings

    detached, shutdown_on_exit, quiet = (options.pop(name) for name in ("detached", "shutdown_on_exit", "quiet"))
    return run_action(
        ProgramSettings.parse(**options),
        detached=detached,
        shutdown_on_exit=shutdown_on_exit,
        quiet=quiet,
        arguments=sys.argv[1:],
    )


@click.command(
    name="run-application",
    context_settings=PROGRAM_CONTEXT,
    short_help="Run a program on the cluster.",
    epilog=epilog(
        "millstream run-application -m master:8081 job.py --input /data",
        "millstream run-application -m https://cluster.example/streams -c reports.daily -p 4 reports.whl",
    ),
)
@click.option("-c", "--class", "entry", metavar="<entry>", help="Which entry of the package to start.")
@click.option(
    "-p",
    "--parallelism",
    type=WholeNumber(min=1),
    metavar="<n>",
    help="Parallelism of the program where it sets none.",
)
@savepoint_options
@common_options
@json_option
@click.argument("arguments", nargs=-1, required=True, metavar="<package> [ARGUMENTS]...")
def run_application(
    entry: str | None,
    parallelism: int | None,
    savepoint: str | None,
    allow_non_restored_state: bool,
    claim_mode: str | None,
    arguments: tuple[str, ...],
    **options: Any,
) -> int:
    """Run a program on the cluster, in a process beside the master; this command need not outlive it.

    The package is a Python script, a zip of modules (.zip, .pyz) or a wheel. It is sent to the REST interface and
    started there; the settings of -D go with it. The command returns when the first job is submitted.
    """
    from millstream.client.cli.run_application import run_application_action
    from millstream.client.cli.settings import ClusterSettings, parse_dynamic
    from millstream.client.remote.rest_client import PackageRun

    run = PackageRun(
        entry=entry,
        arguments=arguments[1:],
        parallelism=parallelism,
        savepoint=savepoint,
        allow_non_restored_state=allow_non_restored_state,
        claim_mode=claim_mode.upper() if claim_mode is not None else None,
        configuration=parse_dynamic(options["dynamic"]),
    )
    return run_application_action(ClusterSettings.parse(**options), arguments[0], run)


@click.command(
    context_settings=PROGRAM_CONTEXT,
    short_help="Print a program's plan without running it.",
    epilog=epilog("millstream info -p 2 job.py", "millstream info --json job.py | jq '.nodes[].type'"),
)
@program_options
@common_options
@json_option
@click.argument("arguments", nargs=-1, metavar="[job.py] [ARGUMENTS]...")
def info(**options: Any) -> int:
    """Print the plan of a program, in JSON, without running it."""
    from millstream.client.cli.info import info_action
    from millstream.client.cli.settings import ProgramSettings

    return info_action(ProgramSettings.parse(**options))


@click.command(
    context_settings=PROGRAM_CONTEXT,
    short_help="Run a program's job in a simulated cluster, under faults.",
    epilog=epilog("millstream simulate job.py", "millstream simulate --seeds 7 --timeline job.py"),
)
@click.option("--seeds", metavar="<seeds>", default="0..99", help="Such as 7, 0..999 or 3,5,9 (0..99).")
@click.option("--faults", metavar="<kinds>", default="all", help="Kinds of faults, comma-separated, all or none (all).")
@click.option("--task-managers", type=WholeNumber(min=1), metavar="<n>", default=2, help="TaskManagers (2).")
@click.option("--masters", type=WholeNumber(min=1), metavar="<n>", default=2, help="Masters; one leads (2).")
@click.option(
    "--slots",
    type=WholeNumber(min=1),
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
    "--workers", type=WholeNumber(min=1), metavar="<n>", default=1, help="Processes that run seeds side by side (1)."
)
@program_options
@common_options
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
