"""Which subpartition each record goes to: one class per way of partitioning, made by ``create_partitioner``."""

from __future__ import annotations

from millstream.taskmanager.network.partitioners.factory import create_partitioner
from millstream.taskmanager.network.partitioners.partitioner import Partitioner
from millstream.taskmanager.network.partitioners.user_call import PartitionerFunctionError

__all__ = ["Partitioner", "PartitionerFunctionError", "create_partitioner"]
