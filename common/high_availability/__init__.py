"""Who leads a cluster, and what a new leader must know: interfaces, and two ways to keep that.

Without high availability there is one master at a fixed address and it remembers nothing
(:mod:`~millstream.common.high_availability.standalone`). With ZooKeeper several masters contend; what one of them
knows is kept in ZooKeeper (pointers) and in ``high-availability.storageDir`` (data), and all of it is written under
the leadership's fence (:mod:`millstream.common.high_availability.zookeeper`).
"""
