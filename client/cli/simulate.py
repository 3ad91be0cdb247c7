"""``millstream simulate``: runs a program's job in a simulated cluster, under faults, seed after seed.

The job runs once without faults; what it writes to files then is what it must write under every seed. Nothing is
written in reality: files go to a simulated storage that begins with what is on the disk.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from millstream.client.cli.errors import CliArgsError, show_error
from millstream.client.cli.program import NO_JOB_MESSAGE, run_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from millstream.client.cli.settings import ProgramSettings
    from millstream.common.wire.graph_pb2 import JobGraph
    from millstream.testing.simulation.campaign import SeedOutcome
    from millstream.testing.simulation.faults import FaultKind
    from millstream.testing.simulation.run_report import RunReport
    from millstream.testing.simulation.runner import ClusterShape, Trouble
    from millstream.testing.simulation.timeline import TimelineEvent

__all__ = ["SimulationSettings", "simulate_action"]

_DEFAULT_PARALLELISM = 2
_FIRST_FAULT = 0.1
_SHORTEST_QUIET, _LONGEST_QUIET = 0.2, 2.0
_CLEAR = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What ``simulate`` is told besides the program.

    :ivar seeds: such as ``0..999``.
    :ivar faults: kinds, parted by commas; ``all``; ``none``.
    :ivar slots: of each TaskManager; ``None``: as many as the job needs, and a spare one.
    :ivar horizon: virtual seconds within which things go wrong.
    :ivar timeline: show what happens as it happens.
    :ivar workers: operating system processes.
    """

    seeds: str
    faults: str
    task_managers: int
    masters: int
    slots: int | None
    horizon: float
    timeline: bool
    workers: int


def simulate_action(
    settings: ProgramSettings, simulation: SimulationSettings, replay: Callable[[int], list[str]]
) -> int:
    """Run the simulation.

    :param replay: returns the words of a command line that shows one seed.
    :returns: 1 if a promise was broken, or the job does not even run without faults.
    """
    from millstream.testing.simulation.campaign import parse_seeds, run_campaign
    from millstream.testing.simulation.runner import Trouble, run_seed
    from millstream.testing.simulation.workload import program_workload

    try:
        seeds = parse_seeds(simulation.seeds)
    except ValueError as error:
        raise CliArgsError(f"--seeds: {error}") from error
    kinds = _kinds(simulation.faults)
    try:
        graph = _graph_of(settings)
    except SystemExit as ended:
        return _exit_code(ended)
    except Exception as error:  # noqa: BLE001  # whatever the user's program raises is shown
        show_error(error, sys.stderr, verbose=settings.cluster.verbose)
        return 1
    if graph is None:
        click.echo(NO_JOB_MESSAGE, err=True)
        return 1
    logging.getLogger("millstream").setLevel(logging.DEBUG if settings.cluster.verbose else logging.CRITICAL)
    shape = _shape_of(graph, simulation)
    calm = run_seed(program_workload(graph, graph.name), 0, shape)
    if calm.status != "FINISHED":
        click.echo(_why_not_calm(calm), err=True)
        return 1
    if not calm.committed:
        click.echo("The job writes to no files (file: paths): only the engine's own promises are checked.", err=True)
    quiet = min(_LONGEST_QUIET, max(_SHORTEST_QUIET, calm.simulated_seconds / 4))
    trouble = Trouble(kinds, _FIRST_FAULT, simulation.horizon, quiet)
    run = partial(run_program_seed, graph.SerializeToString(), calm.committed, shape, trouble, simulation.timeline)
    progress = _Progress(len(seeds))

    def tell(outcome: SeedOutcome) -> None:
        if outcome.violations:
            progress.clear()
            click.echo(f"{outcome.story}\n  again: {' '.join(replay(outcome.seed))}\n")
        progress.show(outcome)

    campaign = run_campaign(run, seeds, 1 if simulation.timeline else simulation.workers, tell)
    progress.clear()
    click.echo(campaign.report())
    return 1 if campaign.failed else 0


def run_program_seed(
    graph: bytes, expected: dict[str, list[str]], shape: ClusterShape, trouble: Trouble, timeline: bool, seed: int
) -> SeedOutcome:
    """Run one seed, in whatever process.

    :param graph: of the job, serialised.
    """
    from millstream.common.wire.graph_pb2 import JobGraph
    from millstream.testing.simulation.campaign import outcome_of
    from millstream.testing.simulation.run_report import render_event
    from millstream.testing.simulation.runner import run_seed
    from millstream.testing.simulation.workload import program_workload

    if trouble.kinds:
        logging.getLogger("millstream").setLevel(logging.CRITICAL)  # faults that are meant to be
    parsed = JobGraph.FromString(graph)
    job = program_workload(parsed, parsed.name)
    job.expected = expected
    colour = sys.stdout.isatty()

    def show(event: TimelineEvent) -> None:
        click.echo(render_event(event, colour=colour))

    return outcome_of(run_seed(job, seed, shape, trouble, on_event=show if timeline else None))


def _graph_of(settings: ProgramSettings) -> JobGraph | None:
    from millstream.client.executors import share_import_path
    from millstream.common.config import CoreOptions
    from millstream.testing.simulation.job_capture import capturing
    from millstream.testing.simulation.workload import program_settings

    configuration = settings.cluster.configuration.copy()
    given = configuration.to_map()
    for key, value in program_settings().items():
        if key not in given:
            configuration.set_string(key, value)
    parallelism = _DEFAULT_PARALLELISM
    if configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
        parallelism = configuration.get(CoreOptions.DEFAULT_PARALLELISM)
    return capturing(lambda: run_program(settings), configuration, parallelism, share_import_path)


def _shape_of(graph: JobGraph, simulation: SimulationSettings) -> ClusterShape:
    from millstream.client.embedded import required_slots
    from millstream.testing.simulation.runner import ClusterShape

    slots = simulation.slots
    if slots is None:
        slots = -(-(required_slots(graph) + 1) // simulation.task_managers)  # one to spare
    return ClusterShape(simulation.masters, simulation.task_managers, slots)


def _why_not_calm(report: RunReport) -> str:
    if report.failures:
        return f"The job fails even without faults: {report.failures[0]}"
    return (
        f"The job does not end without faults, in {report.simulated_seconds:.0f} simulated seconds"
        f" (it is {report.status or 'unknown'}): what is simulated must read bounded input, and find its slots"
    )


def _kinds(text: str) -> frozenset[FaultKind]:
    from millstream.testing.simulation.faults import FaultKind

    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return frozenset(FaultKind)
    if names == ["none"]:
        return frozenset()
    try:
        return frozenset(FaultKind(name) for name in names)
    except ValueError as error:
        known = ", ".join(kind.value for kind in FaultKind)
        raise CliArgsError(f"--faults: {error}; there are {known}, and all or none of them") from error


class _Progress:
    """How many seeds are done, on a terminal."""

    def __init__(self, seeds: int) -> None:
        self._seeds = seeds
        self._done = self._failed = 0
        self._visible = sys.stdout.isatty()

    def show(self, outcome: SeedOutcome) -> None:
        """Another seed is done."""
        self._done += 1
        self._failed += bool(outcome.violations)
        if self._visible:
            text = f"{self._done} of {self._seeds} seeds, {self._failed} with violations"
            click.echo(f"{_CLEAR}{text}", nl=False)

    def clear(self) -> None:
        """Leave room for other text."""
        if self._visible:
            click.echo(_CLEAR, nl=False)


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    if ended.code is None:
        click.echo(NO_JOB_MESSAGE, err=True)
    else:
        click.echo(ended.code, err=True)
    return 1
