"""Metrics of the databases of an operator's keyed state, those that the settings ask for.

Each state of the operator has them in a group of its own. A property costs RocksDB little more than the call; it is
looked up when somebody asks for the metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from millstream.common.config import Configuration, RocksDbMetricOptions
from millstream.common.metrics import MetricGroup

__all__ = ["StatePropertyMetrics"]

_PREFIX: Final = "state.backend.rocksdb.metrics."
_PROPERTIES: Final = (
    RocksDbMetricOptions.ACTUAL_DELAYED_WRITE_RATE,
    RocksDbMetricOptions.BACKGROUND_ERRORS,
    RocksDbMetricOptions.BLOCK_CACHE_CAPACITY,
    RocksDbMetricOptions.BLOCK_CACHE_PINNED_USAGE,
    RocksDbMetricOptions.BLOCK_CACHE_USAGE,
    RocksDbMetricOptions.COMPACTION_PENDING,
    RocksDbMetricOptions.CUR_SIZE_ACTIVE_MEM_TABLE,
    RocksDbMetricOptions.CUR_SIZE_ALL_MEM_TABLES,
    RocksDbMetricOptions.ESTIMATE_LIVE_DATA_SIZE,
    RocksDbMetricOptions.ESTIMATE_NUM_KEYS,
    RocksDbMetricOptions.ESTIMATE_PENDING_COMPACTION_BYTES,
    RocksDbMetricOptions.ESTIMATE_TABLE_READERS_MEM,
    RocksDbMetricOptions.IS_WRITE_STOPPED,
    RocksDbMetricOptions.LIVE_SST_FILES_SIZE,
    RocksDbMetricOptions.MEM_TABLE_FLUSH_PENDING,
    RocksDbMetricOptions.NUM_DELETES_ACTIVE_MEM_TABLE,
    RocksDbMetricOptions.NUM_DELETES_IMM_MEM_TABLES,
    RocksDbMetricOptions.NUM_ENTRIES_ACTIVE_MEM_TABLE,
    RocksDbMetricOptions.NUM_ENTRIES_IMM_MEM_TABLES,
    RocksDbMetricOptions.NUM_IMMUTABLE_MEM_TABLE,
    RocksDbMetricOptions.NUM_LIVE_VERSIONS,
    RocksDbMetricOptions.NUM_RUNNING_COMPACTIONS,
    RocksDbMetricOptions.NUM_RUNNING_FLUSHES,
    RocksDbMetricOptions.NUM_SNAPSHOTS,
    RocksDbMetricOptions.SIZE_ALL_MEM_TABLES,
    RocksDbMetricOptions.TOTAL_SST_FILES_SIZE,
)

PropertyOf = Callable[[str], int | None]
"""Gives the value of a property; ``None``: there is none at present."""


class StatePropertyMetrics:
    """What of RocksDB is shown."""

    def __init__(self, configuration: Configuration) -> None:
        self._names = [
            f"rocksdb.{option.key.removeprefix(_PREFIX)}" for option in _PROPERTIES if configuration.get(option)
        ]
        self._as_variable: bool = configuration.get(RocksDbMetricOptions.COLUMN_FAMILY_AS_VARIABLE)

    def register(self, group: MetricGroup, states: dict[str, PropertyOf]) -> None:
        """Register the metrics of all states; those that have them keep them.

        :param states: what gives the properties of each state.
        """
        if not self._names:
            return
        for state, property_of in states.items():
            of_state = group.add_group("column_family", state) if self._as_variable else group.add_group(state)
            for name in self._names:
                of_state.gauge(name, partial(property_of, name))
