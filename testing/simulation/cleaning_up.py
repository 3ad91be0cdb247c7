"""Cleans up what masters that died left behind, as ``millstream ha clean`` does. What is still there then is a leak."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

from millstream.common.config import HighAvailabilityOptions
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.cleaning import ClusterCleaning
from millstream.common.high_availability.zookeeper.inventory import find_garbage
from millstream.common.high_availability.zookeeper.inventory_reader import InventoryReader
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import IdFactory
from millstream.testing.simulation.cluster import SimulatedCluster
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper

__all__ = ["clean_up"]

_HOST: Final = "cleaner"
_PAUSE_S: Final = 1.0


def clean_up(cluster: SimulatedCluster, zookeeper: SimulatedZooKeeper, timeout: float) -> None:
    """Run the cleaning in a process of its own, after the cluster has ended.

    :param timeout: virtual seconds, in which the sessions of masters must expire besides.
    :raises SimulationTimeoutError: it does not come to an end.
    """
    configuration = cluster.configuration
    option = HighAvailabilityOptions.CLUSTER_ID
    own = paths.node_path(option.key, configuration.get(option))
    root = paths.cluster_root(configuration).removesuffix(own)

    async def main() -> None:
        client = zookeeper.client(root, host=_HOST)
        await client.start()
        try:
            reader = InventoryReader(client)
            while await reader.masters(own):  # noqa: ASYNC110  # others' sessions expire by themselves
                await asyncio.sleep(_PAUSE_S)
            storage = HighAvailabilityStorage(configuration, None)
            cleaning = ClusterCleaning(client, own, storage, IdFactory(process.source("ids")))
            async with cleaning.instead_of_masters(force=False):
                inventory = await reader.read(own, paths.job_graphs(configuration), storage)
                # The inventory was read beside our own node, which is no master's.
                inventory = dataclasses.replace(inventory, masters=())
                for garbage in find_garbage(inventory, everything=False, now_ms=process.clock.now_ms()):
                    await cleaning.remove(garbage)
        finally:
            await client.close()

    process = cluster.simulation.start_process(_HOST, _HOST, main)
    cluster.simulation.run_until(lambda: not process.alive, timeout, "the cleaning up after the masters")
