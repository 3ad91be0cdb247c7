"""Slot workers: the processes (or threads) in which the tasks of a slot run, and the pools that make them.

A TaskManager never runs user code itself. It takes a :class:`~millstream.taskmanager.worker.handle.WorkerHandle` from
a pool for each slot that a job gets, sends it commands and hears its events. This package's ``__init__`` imports
nothing, so that the launcher of the worker processes loads only what workers need.
"""
