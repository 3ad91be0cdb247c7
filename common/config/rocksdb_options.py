"""Options of the RocksDB state backend."""

from __future__ import annotations

from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.memory_size import MEMORY_SIZE
from millstream.common.config.option import option, optional
from millstream.common.config.value_kind import BOOLEAN, FRACTION, STRING, FloatKind, IntegerKind, one_of

__all__ = ["RocksDbOptions"]


class RocksDbOptions:
    """State in RocksDB"""

    LOCALDIR: Final = option(
        "state.backend.rocksdb.localdir",
        list_of(STRING, ",;"),
        [],
        "Local directories of RocksDB's files, parted by commas; subtasks take turns. Empty: within `io.tmp.dirs`.",
        former=("state.backend.rocksdb.checkpointdir",),
    )
    TIMER_SERVICE: Final = option(
        "state.backend.rocksdb.timer-service.factory",
        one_of("ROCKSDB", "HEAP"),
        "ROCKSDB",
        "Where timers live under the RocksDB backend: those that are not due soon on disk, or all in memory.",
    )
    TRANSFER_THREADS: Final = option(
        "state.backend.rocksdb.checkpoint.transfer.thread.num",
        IntegerKind(1),
        4,
        "How many files of one database are copied at the same time, to and from checkpoints.",
    )
    PREDEFINED_OPTIONS: Final = option(
        "state.backend.rocksdb.predefined-options",
        one_of("DEFAULT", "SPINNING_DISK_OPTIMIZED", "SPINNING_DISK_OPTIMIZED_HIGH_MEM", "FLASH_SSD_OPTIMIZED"),
        "DEFAULT",
        "Settings for a kind of hardware; the options below go before them where they are set.",
    )
    MANAGED_MEMORY: Final = option(
        "state.backend.rocksdb.memory.managed",
        BOOLEAN,
        True,
        "Whether all databases of a slot share its part of the managed memory. Else each has `block.cache-size` and "
        "its write buffers.",
    )
    FIXED_MEMORY_PER_SLOT: Final = optional(
        "state.backend.rocksdb.memory.fixed-per-slot",
        MEMORY_SIZE,
        "Memory that all databases of a slot share, instead of managed memory. A half of it holds values that are in "
        "use as Python objects, the other half is RocksDB's.",
    )
    WRITE_BUFFER_RATIO: Final = option(
        "state.backend.rocksdb.memory.write-buffer-ratio",
        FRACTION,
        0.5,
        "Share of RocksDB's part of the slot's memory that write buffers may take.",
    )
    BACKGROUND_THREADS: Final = option(
        "state.backend.rocksdb.thread.num",
        IntegerKind(1),
        2,
        "How many threads of a database write buffers out and merge files.",
    )
    OPEN_FILES: Final = option(
        "state.backend.rocksdb.files.open",
        IntegerKind(-1),
        -1,
        "How many files a database keeps open; -1: all.",
    )
    COMPACTION_STYLE: Final = option(
        "state.backend.rocksdb.compaction.style",
        one_of("LEVEL", "UNIVERSAL", "NONE"),
        "LEVEL",
        "How files are merged. `UNIVERSAL` rewrites less, so incremental checkpoints are smaller; it needs more disk. "
        "`NONE`: not at all.",
    )
    DYNAMIC_LEVEL_SIZE: Final = option(
        "state.backend.rocksdb.compaction.level.use-dynamic-size",
        BOOLEAN,
        True,
        "Whether the sizes of levels follow from that of the last.",
    )
    TARGET_FILE_SIZE: Final = optional(
        "state.backend.rocksdb.compaction.level.target-file-size-base",
        MEMORY_SIZE,
        "Size of a file that merging writes. Unset: 8 mb, so that incremental checkpoints upload little that has not "
        "changed.",
    )
    LEVEL_BASE_SIZE: Final = optional(
        "state.backend.rocksdb.compaction.level.max-size-level-base",
        MEMORY_SIZE,
        "Size of the first level that is merged by ranges. Unset: RocksDB's (256 mb).",
    )
    WRITE_BUFFER_SIZE: Final = optional(
        "state.backend.rocksdb.writebuffer.size",
        MEMORY_SIZE,
        "Size of the write buffer of one state. Unset: 64 mb, but never more than memory allows.",
    )
    WRITE_BUFFER_COUNT: Final = optional(
        "state.backend.rocksdb.writebuffer.count",
        IntegerKind(1),
        "Most write buffers of one state. Unset: RocksDB's (2).",
    )
    WRITE_BUFFERS_TO_MERGE: Final = optional(
        "state.backend.rocksdb.writebuffer.number-to-merge",
        IntegerKind(1),
        "How many write buffers are merged before they are written out. Unset: RocksDB's (1).",
    )
    BLOCK_SIZE: Final = optional(
        "state.backend.rocksdb.block.blocksize",
        MEMORY_SIZE,
        "Size of the blocks that files are read in. Unset: RocksDB's (4 kb).",
    )
    BLOCK_CACHE_SIZE: Final = option(
        "state.backend.rocksdb.block.cache-size",
        MEMORY_SIZE,
        8 << 20,
        "Memory of a database for blocks that were read, where it does not share the slot's memory.",
    )
    BLOOM_FILTER: Final = option(
        "state.backend.rocksdb.use-bloom-filter",
        BOOLEAN,
        True,
        "Whether files have filters that say which keys they do not hold. Keys that are new are found to be so much "
        "faster with them.",
    )
    BLOOM_FILTER_BITS: Final = option(
        "state.backend.rocksdb.bloom-filter.bits-per-key",
        FloatKind(1.0),
        10.0,
        "Size of these filters.",
    )
    WRITE_BATCH_SIZE: Final = option(
        "state.backend.rocksdb.write-batch-size",
        MEMORY_SIZE,
        2 << 20,
        "Bytes of changes that are written together, also when state is restored.",
    )
    RESTORE_OVERLAP: Final = option(
        "state.backend.rocksdb.restore-overlap-fraction-threshold",
        FRACTION,
        0.0,
        "When a job was rescaled: least share of a snapshot's key groups that a subtask must own to go on with its "
        "files, deleting the rest; else it writes a new database.",
    )
