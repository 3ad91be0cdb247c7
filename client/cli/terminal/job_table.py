"""``millstream list`` on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from millstream.client.cli.list_jobs import start_text

if TYPE_CHECKING:
    from millstream.common.wire.cluster_pb2 import JobSummary

__all__ = ["print_jobs", "state_style"]

_STYLES: Final = {
    "RUNNING": "green",
    "FINISHED": "cyan",
    "FAILED": "bold red",
    "FAILING": "red",
    "RESTARTING": "yellow",
    "CANCELED": "dim",
    "CANCELLING": "yellow",
}


def state_style(state: str) -> str:
    """Return how the state of a job or a task is shown."""
    return _STYLES.get(state, "")


def print_jobs(title: str, jobs: Iterable[JobSummary]) -> None:
    """Print jobs as a table. Ids are never shortened: they are what one copies."""
    console = Console(highlight=False)
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Started", no_wrap=True)
    table.add_column("Job ID", no_wrap=True, min_width=32)
    table.add_column("State", no_wrap=True)
    table.add_column("Name")  # the one that gives way
    for job in jobs:
        started = start_text(job.start_time_ms)
        # The year would take the name's room on a narrow terminal.
        shown = started if console.width >= 100 else f"{started[:6]} {started[11:]}"
        table.add_row(
            shown,
            job.job_id,
            Text(job.state, state_style(job.state)),
            Text(job.name, no_wrap=True, overflow="ellipsis"),
        )
    console.print(table)
