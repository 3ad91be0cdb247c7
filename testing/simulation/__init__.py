"""A whole cluster in one thread, under a virtual clock and a seed.

Master, TaskManagers, slot workers and tasks are the real code. What they run on is simulated: event loops, RPC, TCP,
processes, ZooKeeper, storage, clocks and chance. So one seed is one history, faults included, that can be had again.
"""
