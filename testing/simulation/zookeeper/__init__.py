"""A model of ZooKeeper, with a client for it that is used as the real one.

In a test on an ordinary event loop::

    zookeeper = SimulatedZooKeeper()
    client = zookeeper.client(root="/flink/default")
    await client.start()
    ...
    zookeeper.expire(client)               # its session ends; it learns of it and begins another
    zookeeper.disconnect(client)           # SUSPENDED until reconnect(client)
    zookeeper.fail_next(client, after=1)   # its next write is carried out, but raises ZooKeeperConnectionError
    await client.close()

Everything is prompt there: what is not disturbed takes a few turns of the loop. In a simulation the same model has the
delays, cuts and pauses of the simulated world.
"""

from __future__ import annotations

from millstream.testing.simulation.zookeeper.client import SimulatedZooKeeperClient
from millstream.testing.simulation.zookeeper.ensemble import SimulatedZooKeeper
from millstream.testing.simulation.zookeeper.scheduler import LoopScheduler, Scheduler

__all__ = ["LoopScheduler", "Scheduler", "SimulatedZooKeeper", "SimulatedZooKeeperClient"]
