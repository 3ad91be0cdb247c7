"""What became of one run under one seed."""

from __future__ import annotations

from dataclasses import dataclass, field

from millstream.testing.simulation.faults import FaultCoverage
from millstream.testing.simulation.timeline import FAULT, TimelineEvent
from millstream.testing.simulation.violation import Violation

__all__ = ["RunReport", "render", "render_event"]

_BEFORE = 40


@dataclass(slots=True)
class RunReport:
    """One run.

    :ivar job: its description, in a line.
    :ivar violations: what is wrong; empty: nothing.
    :ivar coverage: which faults there were, and which fault points were reached.
    :ivar simulated_seconds: of virtual time.
    :ivar real_seconds: that it took.
    :ivar status: the last that was told of the job; empty: nothing was.
    :ivar failures: what the cluster told of the job's failures, newest first.
    :ivar committed: the lines of each sink.
    :ivar events: the timeline.
    :ivar digest: of the timeline; the same seed gives the same.
    """

    seed: int
    job: str
    violations: list[Violation] = field(default_factory=list)
    coverage: FaultCoverage = field(default_factory=FaultCoverage)
    simulated_seconds: float = 0.0
    real_seconds: float = 0.0
    status: str = ""
    failures: list[str] = field(default_factory=list)
    committed: dict[str, list[str]] = field(default_factory=dict)
    events: list[TimelineEvent] = field(default_factory=list)
    digest: str = ""

    def story(self) -> str:
        """Return the violations, and what happened before the first of them, for a reader."""
        lines = [f"seed {self.seed}: {self.job}", *(f"  {violation}" for violation in self.violations)]
        first = min((each.at for each in self.violations if each.at is not None), default=None)
        events = [event for event in self.events if first is None or event.at <= first]
        return "\n".join([*lines, f"  the last {_BEFORE} of {len(events)} events before:", render(events[-_BEFORE:])])


def render(events: list[TimelineEvent], *, colour: bool = False) -> str:
    """Return events as lines: when, where, what. Faults stand out."""
    return "\n".join(render_event(event, colour=colour) for event in events)


def render_event(event: TimelineEvent, *, colour: bool = False) -> str:
    """Return the line of one event."""
    mark = ">>>" if event.kind == FAULT else "   "
    line = f"{event.at:11.6f} {mark} {event.process or '-':<24} {event.kind:<10} {event.text}"
    return f"\033[31m{line}\033[0m" if colour and event.kind == FAULT else line
