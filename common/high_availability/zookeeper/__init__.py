"""High availability by ZooKeeper: elections, who leads, and pointers to what a new leader must know.

Everything here works on the narrow :class:`~millstream.common.high_availability.zookeeper.client.ZooKeeperClient`, so
that a simulated cluster runs the same elections and stores on a model of ZooKeeper.
"""
