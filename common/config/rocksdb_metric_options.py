"""Options of the metrics of RocksDB: each is a property of the database that is shown for each state."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import ConfigOption, option
from millstream.common.config.value_kind import BOOLEAN

__all__ = ["RocksDbMetricOptions"]


def _shows(name: str, what: str) -> ConfigOption[bool]:
    return option(f"state.backend.rocksdb.metrics.{name}", BOOLEAN, False, f"Whether there is a metric: {what}.")


class RocksDbMetricOptions:
    """Metrics of state in RocksDB"""

    COLUMN_FAMILY_AS_VARIABLE: Final = option(
        "state.backend.rocksdb.metrics.column-family-as-variable",
        BOOLEAN,
        False,
        "Whether the name of the state is the value of a group `column_family`, and not the name of a group.",
    )
    ACTUAL_DELAYED_WRITE_RATE: Final = _shows(
        "actual-delayed-write-rate", "how far writes are slowed down, bytes per second; 0: not"
    )
    BACKGROUND_ERRORS: Final = _shows("background-errors", "errors in the background")
    BLOCK_CACHE_CAPACITY: Final = _shows("block-cache-capacity", "bytes that the block cache may hold")
    BLOCK_CACHE_PINNED_USAGE: Final = _shows("block-cache-pinned-usage", "bytes that are in use in the block cache")
    BLOCK_CACHE_USAGE: Final = _shows("block-cache-usage", "bytes in the block cache")
    COMPACTION_PENDING: Final = _shows("compaction-pending", "whether files wait to be merged")
    CUR_SIZE_ACTIVE_MEM_TABLE: Final = _shows(
        "cur-size-active-mem-table", "bytes in the write buffer that is being filled"
    )
    CUR_SIZE_ALL_MEM_TABLES: Final = _shows(
        "cur-size-all-mem-tables", "bytes in the write buffers that are not written out"
    )
    ESTIMATE_LIVE_DATA_SIZE: Final = _shows("estimate-live-data-size", "about how many bytes the data have")
    ESTIMATE_NUM_KEYS: Final = _shows("estimate-num-keys", "about how many keys there are")
    ESTIMATE_PENDING_COMPACTION_BYTES: Final = _shows(
        "estimate-pending-compaction-bytes", "about how many bytes wait to be merged"
    )
    ESTIMATE_TABLE_READERS_MEM: Final = _shows(
        "estimate-table-readers-mem", "about how many bytes indexes and filters take"
    )
    IS_WRITE_STOPPED: Final = _shows("is-write-stopped", "whether writes are held up")
    LIVE_SST_FILES_SIZE: Final = _shows("live-sst-files-size", "bytes of the files of the newest version")
    MEM_TABLE_FLUSH_PENDING: Final = _shows("mem-table-flush-pending", "whether write buffers wait to be written out")
    NUM_DELETES_ACTIVE_MEM_TABLE: Final = _shows(
        "num-deletes-active-mem-table", "deletions in the write buffer that is being filled"
    )
    NUM_DELETES_IMM_MEM_TABLES: Final = _shows("num-deletes-imm-mem-tables", "deletions in the full write buffers")
    NUM_ENTRIES_ACTIVE_MEM_TABLE: Final = _shows(
        "num-entries-active-mem-table", "entries in the write buffer that is being filled"
    )
    NUM_ENTRIES_IMM_MEM_TABLES: Final = _shows("num-entries-imm-mem-tables", "entries in the full write buffers")
    NUM_IMMUTABLE_MEM_TABLE: Final = _shows("num-immutable-mem-table", "full write buffers that are not written out")
    NUM_LIVE_VERSIONS: Final = _shows("num-live-versions", "versions that somebody still reads")
    NUM_RUNNING_COMPACTIONS: Final = _shows("num-running-compactions", "mergings of files under way")
    NUM_RUNNING_FLUSHES: Final = _shows("num-running-flushes", "write buffers that are being written out")
    NUM_SNAPSHOTS: Final = _shows("num-snapshots", "snapshots that are held")
    SIZE_ALL_MEM_TABLES: Final = _shows("size-all-mem-tables", "bytes in all write buffers")
    TOTAL_SST_FILES_SIZE: Final = _shows("total-sst-files-size", "bytes of all files")
