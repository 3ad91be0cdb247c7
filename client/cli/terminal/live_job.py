"""The live view of an attached run: the job, its operators and its checkpoints, rewritten in place."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from millstream.client.cli.progress import describe_tasks, waits_for_slots
from millstream.client.cli.terminal.figures import amount, clock, size
from millstream.client.cli.terminal.job_table import state_style

if TYPE_CHECKING:
    from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
    from millstream.common.wire.cluster_pb2 import JobDetails, VertexDetails

__all__ = ["LiveJob"]

_RATE_SECONDS: Final = 3.0
_LEAST_SECONDS: Final = 0.9
"""What is counted in less says nothing of a second."""
_RATES_COLUMNS: Final = 60
"""A narrower terminal has no room for rates: the operators' names would be lost."""
_FIXED_LINES: Final = 8
"""Of the view without its operators, and some to spare."""


class LiveJob:
    """Shows a job on the terminal until it is closed. What the program prints meanwhile goes above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console if console is not None else Console(highlight=False)
        self._live: Live | None = None
        self._began = time.monotonic()
        self._samples: dict[str, deque[tuple[float, tuple[int, int]]]] = {}

    def show(self, details: JobDetails, checkpoints: JobCheckpoints) -> None:
        """Show how the job is now."""
        self._measure(details)
        picture = self._picture(details, checkpoints)
        if self._live is None:
            self._live = Live(picture, console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(picture, refresh=True)

    def clear(self) -> None:
        """Take the view away: what follows begins at the margin."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def report(self, details: JobDetails) -> None:
        """Print what the operators have done in all."""
        if details.vertices:
            self._console.print(self._operators(details, finally_=True))

    def _picture(self, details: JobDetails, checkpoints: JobCheckpoints) -> RenderableType:
        summary = details.summary
        head = Text.assemble(
            (summary.state, state_style(summary.state)),
            f"  {clock(time.monotonic() - self._began)}  ",
            (summary.name, "bold"),
            overflow="ellipsis",
            no_wrap=True,
        )
        tasks = describe_tasks(details.task_counts)
        if waits_for_slots(details.task_counts):
            tasks += ", waiting for slots (slot.request.timeout)"
        if details.restarts:
            tasks += f"; {details.restarts} restart{'s' if details.restarts > 1 else ''}"
        lines: list[RenderableType] = [head, Text(f"tasks: {tasks}", overflow="ellipsis", no_wrap=True)]
        if checkpoints.enabled or checkpoints.total:
            lines.append(Text(_checkpoints(checkpoints), overflow="ellipsis", no_wrap=True))
        if details.vertices:
            lines.append(self._operators(details, finally_=False))
        lines.append(Text("Ctrl-C ends this view", style="dim"))
        return Group(*lines)

    def _operators(self, details: JobDetails, *, finally_: bool) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("Operators")  # the one that gives way
        table.add_column("Tasks", justify="right", no_wrap=True)
        table.add_column("In", justify="right", no_wrap=True)
        table.add_column("Out", justify="right", no_wrap=True)
        rates = not finally_ and self._console.width >= _RATES_COLUMNS
        if rates:
            table.add_column("In/s", justify="right", no_wrap=True)
            table.add_column("Out/s", justify="right", no_wrap=True)
        room = max(1, self._console.height - _FIXED_LINES)
        shown = list(details.vertices) if finally_ else list(details.vertices)[:room]
        for vertex in shown:
            records_in, records_out = _records(vertex)
            states = {subtask.state for subtask in vertex.subtasks}
            style = state_style(states.pop()) if len(states) == 1 else ""
            cells: list[Text | str] = [
                Text(vertex.name, style, no_wrap=True, overflow="ellipsis"),
                str(vertex.parallelism),
                amount(records_in),
                amount(records_out),
            ]
            if rates:
                cells += self._rates(vertex.vertex_id)
            table.add_row(*cells)
        if len(shown) < len(details.vertices):
            table.add_row(Text(f"... and {len(details.vertices) - len(shown)} more", "dim"))
        return table

    def _measure(self, details: JobDetails) -> None:
        """Note what the vertices have done.

        Workers count anew about once a second, more seldom than this is called. So only a figure that has changed is a
        new sample, or one that has stood still for long.
        """
        now = time.monotonic()
        for vertex in details.vertices:
            samples = self._samples.setdefault(vertex.vertex_id, deque())
            records = _records(vertex)
            if not samples or records != samples[-1][1] or now - samples[-1][0] > _RATE_SECONDS:
                samples.append((now, records))
            while len(samples) > 2 and now - samples[0][0] > _RATE_SECONDS:
                samples.popleft()

    def _rates(self, vertex_id: str) -> tuple[str, str]:
        """Records per second over the last seconds, in and out."""
        samples = self._samples.get(vertex_id)
        if not samples or samples[-1][0] - samples[0][0] < _LEAST_SECONDS:
            return "", ""
        (begin, before), (end, after) = samples[0], samples[-1]
        read, put_out = (max(0, late - early) / (end - begin) for early, late in zip(before, after, strict=True))
        return amount(read), amount(put_out)


def _records(vertex: VertexDetails) -> tuple[int, int]:
    """What the tasks of a vertex have read and put out.

    A source that is chained to a sink sends nothing to other tasks: then what its operators give each other counts.
    """
    records_in = records_out = 0
    for subtask in vertex.subtasks:
        metrics = subtask.metrics
        records_in += metrics.records_in
        inside = () if metrics.records_in else metrics.operator_records_out.values()
        records_out += max((metrics.records_out, *inside))
    return records_in, records_out


def _checkpoints(checkpoints: JobCheckpoints) -> str:
    parts = [f"checkpoints: {checkpoints.completed} completed"]
    if checkpoints.failed:
        parts.append(f"{checkpoints.failed} failed")
    if checkpoints.in_progress:
        parts.append(f"{checkpoints.in_progress} in progress")
    if checkpoints.HasField("latest_completed"):
        last = checkpoints.latest_completed
        parts.append(f"last: {last.checkpoint_id}, {size(last.state_size)}, {last.duration_ms} ms")
    return ", ".join(parts)
