"""``millstream ha``: what high availability keeps in ZooKeeper and in the storage, and how to get rid of its garbage.

It asks ZooKeeper, not a master: it is for when there is none.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

import click

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.errors import CliArgsError
from millstream.client.cli.ha_report import (
    garbage_documents,
    garbage_lines,
    inventory_document,
    inventory_lines,
    summary_line,
)
from millstream.client.cli.output import Output
from millstream.common.clock import SystemClock
from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability import create
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.cleaning import ClusterCleaning, MasterAliveError, alive_message
from millstream.common.high_availability.zookeeper.inventory import (
    ClusterInventory,
    Garbage,
    JobStanding,
    find_garbage,
)
from millstream.common.high_availability.zookeeper.inventory_reader import InventoryReader
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings
    from millstream.common.high_availability.zookeeper.client import ZooKeeperClient

__all__ = ["ha_clean_action", "ha_list_action"]


def ha_list_action(settings: ClusterSettings, *, cluster_id: str | None, everything: bool) -> int:
    """Print what is kept for a cluster, and a line on each other one.

    :param cluster_id: instead of the configured one.
    :param everything: print all of every cluster.
    """
    configuration = _with_cluster(settings.configuration, cluster_id)

    async def show(client: ZooKeeperClient) -> None:
        now_ms = SystemClock().now_ms()
        reader = InventoryReader(client)
        own = _cluster_id(configuration)
        known = await reader.cluster_ids()
        others = [each for each in known if each != own]
        output = settings.output
        if output.json:
            documents = []
            for each in [own, *others]:
                inventory = await _read(reader, _with_cluster(configuration, each))
                garbage = find_garbage(inventory, everything=False, now_ms=now_ms)
                documents.append(inventory_document(inventory, garbage))
            output.document({"zookeeper": client.description, "clusters": documents})
            return
        click.echo(client.description)
        for each in [own, *(others if everything else [])]:
            inventory = await _read(reader, _with_cluster(configuration, each))
            garbage = find_garbage(inventory, everything=False, now_ms=now_ms)
            is_there = each in known or bool(inventory.files)
            lines = inventory_lines(inventory, garbage, now_ms) if is_there else [_nothing(each)]
            click.echo("\n" + "\n".join(lines))
        if others and not everything:
            click.echo("\nOther clusters")
            for each in others:
                inventory = await _read(reader, _with_cluster(configuration, each))
                garbage = find_garbage(inventory, everything=False, now_ms=now_ms)
                click.echo(f"  {summary_line(inventory, garbage)}")

    return _connected(settings, configuration, show, "Failed to list what high availability keeps.")


def ha_clean_action(
    settings: ClusterSettings, *, cluster_id: str | None, everything: bool, dry_run: bool, force: bool, yes: bool
) -> int:
    """Remove what nobody needs of one cluster.

    :param cluster_id: instead of the configured one.
    :param everything: also what a new master would go on from.
    :param dry_run: only show it.
    :param force: although a master is alive.
    :param yes: without a question.
    """
    if everything and force:
        raise CliArgsError("--all removes what masters go on from, so none may be alive: --force cannot be given too.")
    asks = not yes and not dry_run
    if asks and not sys.stdin.isatty():
        raise CliArgsError("There is no terminal to ask on: give --yes to remove without a question, or --dry-run.")
    configuration = _with_cluster(settings.configuration, cluster_id)

    async def clean(client: ZooKeeperClient) -> None:
        reader = InventoryReader(client)
        own = _cluster_id(configuration)
        is_known = own in await reader.cluster_ids()
        inventory = await _read(reader, configuration)
        if inventory.masters and not force and not dry_run:
            raise MasterAliveError(alive_message(own, [master.address for master in inventory.masters]))
        if not is_known and not inventory.files:
            settings.output.say(_nothing(own))
            settings.output.document({"cluster-id": own, "garbage": [], "removed": 0})
            return
        seen = _garbage(inventory, everything=everything)
        _show(settings.output, own, inventory, seen, everything=everything)
        removed: dict[str, object] = {"cluster-id": own, "garbage": garbage_documents(seen), "removed": 0}
        if dry_run or not (seen or everything):
            settings.output.document(removed)
            return
        # Nobody is kept from leading while the question stands; so what was shown is looked at again afterwards.
        if asks and not click.confirm("Remove it?", err=settings.output.json):
            settings.output.say("Nothing was removed.")
            settings.output.document(removed)
            return
        cleaning = ClusterCleaning(client, own, _storage(configuration))
        async with cleaning.instead_of_masters(force=force) as others:
            inventory = dataclasses.replace(await _read(reader, configuration), masters=others)
            garbage = [each for each in _garbage(inventory, everything=everything) if each in seen]
            for each in garbage:
                await cleaning.remove(each)
        if everything or not is_known:
            await cleaning.remove_empty_nodes(paths.job_graphs(configuration))
        settings.output.say(f"Removed {len(garbage)} of {len(seen)}.")
        settings.output.document({**removed, "removed": len(garbage)})

    return _connected(settings, configuration, clean, "Failed to clean up what high availability keeps.")


def _nothing(cluster_id: str) -> str:
    return f"Nothing is kept for the cluster {cluster_id}."


def _show(output: Output, own: str, inventory: ClusterInventory, garbage: list[Garbage], *, everything: bool) -> None:
    if inventory.masters:
        output.say(f"A master of {own} is alive; only what none can be using counts as garbage.")
    if not inventory.storage_is_there:
        output.say(f"There is no directory {inventory.storage}: of files nothing is known. Is it mounted?")
    if everything:
        recoverable = [job_id for job_id in inventory.jobs if inventory.standing(job_id) is JobStanding.RECOVERABLE]
        output.say(f"All that is kept for {own} is to be removed; {len(recoverable)} of its jobs could be recovered.")
    output.say("\n".join(garbage_lines(garbage)) if garbage else f"There is no garbage of {own}.")
    kept = [
        f"  {job_id}: {job.checkpoints[-1].directory}"
        for job_id, job in sorted(inventory.jobs.items())
        if job.checkpoints and any(each.path == paths.job(job_id) for each in garbage)
    ]
    if kept:
        output.say("\n".join(["The files of checkpoints stay; the last ones of these jobs are in", *kept]))


def _garbage(inventory: ClusterInventory, *, everything: bool) -> list[Garbage]:
    return find_garbage(inventory, everything=everything, now_ms=SystemClock().now_ms())


async def _read(reader: InventoryReader, configuration: Configuration) -> ClusterInventory:
    return await reader.read(_cluster_id(configuration), paths.job_graphs(configuration), _storage(configuration))


def _storage(configuration: Configuration) -> HighAvailabilityStorage:
    return HighAvailabilityStorage(configuration, None)


def _cluster_id(configuration: Configuration) -> str:
    option = HighAvailabilityOptions.CLUSTER_ID
    return paths.node_path(option.key, configuration.get(option))


def _with_cluster(configuration: Configuration, cluster_id: str | None) -> Configuration:
    if cluster_id is None:
        return configuration
    return configuration.copy().set(HighAvailabilityOptions.CLUSTER_ID, cluster_id)


def _connected(
    settings: ClusterSettings,
    configuration: Configuration,
    action: Callable[[ZooKeeperClient], Coroutine[None, None, None]],
    failed: str,
) -> int:
    """Carry out an action with a client at the node under which all clusters lie."""

    async def connected() -> None:
        paths.cluster_root(configuration)  # which complains of what can be no cluster
        option = HighAvailabilityOptions.ZOOKEEPER_ROOT
        client = create.create_zookeeper_client(configuration, paths.node_path(option.key, configuration.get(option)))
        try:
            await client.start()
            await action(client)
        finally:
            await client.close()

    def carry_out() -> None:
        if not create.uses_zookeeper(configuration):
            raise ConfigurationError(
                f"{HighAvailabilityOptions.TYPE.key} is {configuration.get(HighAvailabilityOptions.TYPE)}: nothing is "
                "kept for other masters; set it to zookeeper, as in the configuration of the masters."
            )
        asyncio.run(connected())

    return carried_out(settings, carry_out, failed)
