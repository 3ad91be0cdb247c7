"""The command ``millstream ha`` and its options. What it does lies in a module of its own, imported when it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["ha"]

F = TypeVar("F", bound=Callable[..., Any])

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

_cluster_id_option = click.option(
    "--cluster-id",
    metavar="<id>",
    help="The cluster, instead of the one that high-availability.cluster-id names.",
)


def _keeper_options(function: F) -> F:
    """Add the options of actions that ask ZooKeeper instead of a master."""
    decorators = [
        click.option(
            "-D", "dynamic", metavar="<key=value>", multiple=True, help="Set any configuration key; can be repeated."
        ),
        click.option("-v", "--verbose", is_flag=True, help="Show errors with their whole traceback."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@click.group(context_settings=_CONTEXT, short_help="Show what high availability keeps, and remove garbage of it.")
def ha() -> None:
    """Show what high availability keeps in ZooKeeper and in its storage, and remove garbage of it.

    No master is asked, so this works when there is none.
    """


@ha.command(name="list", context_settings=_CONTEXT, short_help="Show what is kept.")
@_cluster_id_option
@click.option("-a", "--all", "everything", is_flag=True, help="All of every cluster that ZooKeeper knows.")
@_keeper_options
def ha_list(cluster_id: str | None, everything: bool, dynamic: tuple[str, ...], verbose: bool, as_json: bool) -> int:
    """Show masters, leaders, jobs, checkpoints, files and garbage of a cluster, and a line on each other one."""
    from millstream.client.cli.ha import ha_list_action
    from millstream.client.cli.settings import ClusterSettings

    settings = ClusterSettings.parse(None, dynamic, None, verbose, as_json=as_json)
    return ha_list_action(settings, cluster_id=cluster_id, everything=everything)


@ha.command(name="clean", context_settings=_CONTEXT, short_help="Remove garbage.")
@_cluster_id_option
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--all", "everything", is_flag=True, help="Remove all of the cluster, also jobs that could be recovered.")
@click.option(
    "--force", is_flag=True, help="Although a master is alive: remove files to which nothing has pointed for an hour."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_keeper_options
def ha_clean(
    cluster_id: str | None,
    dry_run: bool,
    everything: bool,
    force: bool,
    yes: bool,
    dynamic: tuple[str, ...],
    verbose: bool,
    as_json: bool,
) -> int:
    """Remove what is left of jobs and masters that are gone; files of checkpoints stay."""
    from millstream.client.cli.ha import ha_clean_action
    from millstream.client.cli.settings import ClusterSettings

    settings = ClusterSettings.parse(None, dynamic, None, verbose, as_json=as_json)
    return ha_clean_action(
        settings, cluster_id=cluster_id, everything=everything, dry_run=dry_run, force=force, yes=yes
    )
