"""RocksDB's own options, from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.common.config import Configuration, RocksDbOptions
from millstream.taskmanager.state.rocksdb.library import rocksdb_library
from millstream.taskmanager.state.rocksdb.slot_memory import MemoryShare

if TYPE_CHECKING:
    from rocksdict import BlockBasedOptions, Options

__all__ = ["database_options"]

_LEAST_BUFFER = 1 << 20
_DEFAULT_BUFFER = 64 << 20
_DEFAULT_FILE = 8 << 20
_FILES_TO_MERGE = 12


def database_options(configuration: Configuration, memory: MemoryShare, *, write_buffer_share: int) -> Options:
    """Return the options of a database, and of each of its column families.

    :param write_buffer_share: bytes that one column family's write buffer may grow to by the slot's memory.
    """
    library = rocksdb_library()
    options: Options = library.Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_max_background_jobs(configuration.get(RocksDbOptions.BACKGROUND_THREADS))
    options.set_max_open_files(configuration.get(RocksDbOptions.OPEN_FILES))
    # What it says is of use to those who work on RocksDB; a file per database and day would fill the disk.
    options.set_keep_log_file_num(1)
    options.set_max_log_file_size(1 << 20)
    options.set_stats_dump_period_sec(0)
    # Nothing is lost with a file that was not synced: after a crash the state comes from a checkpoint.
    options.set_use_fsync(False)
    # A database has many small states; each preallocates a part of its buffer.
    options.set_arena_block_size(64 << 10)
    # New keys are looked for in vain: this says so without a search through the write buffer.
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.1)
    if memory.write_buffers is not None:
        options.set_write_buffer_manager(memory.write_buffers)
    tables: BlockBasedOptions = library.BlockBasedOptions()
    tables.set_block_cache(memory.cache)
    tables.set_format_version(5)
    if memory.write_buffers is not None:
        tables.set_cache_index_and_filter_blocks(True)
        tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
    _set_predefined(options, tables, configuration.get(RocksDbOptions.PREDEFINED_OPTIONS))
    _set_compaction(options, configuration)
    buffer = configuration.get(RocksDbOptions.WRITE_BUFFER_SIZE)
    wanted = _DEFAULT_BUFFER if buffer is None else buffer
    options.set_write_buffer_size(max(_LEAST_BUFFER, min(wanted, write_buffer_share)))
    count = configuration.get(RocksDbOptions.WRITE_BUFFER_COUNT)
    if count is not None:
        options.set_max_write_buffer_number(count)
    to_merge = configuration.get(RocksDbOptions.WRITE_BUFFERS_TO_MERGE)
    if to_merge is not None:
        options.set_min_write_buffer_number_to_merge(to_merge)
    block_size = configuration.get(RocksDbOptions.BLOCK_SIZE)
    if block_size is not None:
        tables.set_block_size(block_size)
    if configuration.get(RocksDbOptions.BLOOM_FILTER):
        tables.set_bloom_filter(int(configuration.get(RocksDbOptions.BLOOM_FILTER_BITS)), False)
    options.set_block_based_table_factory(tables)
    return options


def _set_predefined(options: Options, tables: BlockBasedOptions, name: str) -> None:
    """What Flink has found to suit a kind of hardware."""
    if name in ("SPINNING_DISK_OPTIMIZED", "SPINNING_DISK_OPTIMIZED_HIGH_MEM"):
        options.set_level_compaction_dynamic_level_bytes(True)
        options.set_max_background_jobs(4)
        options.set_max_open_files(-1)
    if name == "SPINNING_DISK_OPTIMIZED_HIGH_MEM":
        options.set_max_bytes_for_level_base(1 << 30)
        options.set_target_file_size_base(256 << 20)
        tables.set_block_size(128 << 10)
    if name == "FLASH_SSD_OPTIMIZED":
        options.set_max_background_jobs(4)
        options.set_max_open_files(-1)


def _set_compaction(options: Options, configuration: Configuration) -> None:
    library = rocksdb_library()
    style = configuration.get(RocksDbOptions.COMPACTION_STYLE)
    if style == "UNIVERSAL":
        options.set_compaction_style(library.DBCompactionStyle.universal())
    elif style == "NONE":
        options.set_disable_auto_compactions(True)
    # Each checkpoint adds a file, mostly a small one. To merge them is to write all anew, and so to upload it anew: the
    # more seldom, the smaller are incremental checkpoints. Filters keep reading from many files quick.
    options.set_level_zero_file_num_compaction_trigger(_FILES_TO_MERGE)
    slow, stop = (1 << 30, 1 << 30) if style == "NONE" else (_FILES_TO_MERGE * 3, _FILES_TO_MERGE * 5)
    options.set_level_zero_slowdown_writes_trigger(slow)
    options.set_level_zero_stop_writes_trigger(stop)
    options.set_level_compaction_dynamic_level_bytes(configuration.get(RocksDbOptions.DYNAMIC_LEVEL_SIZE))
    file_size = configuration.get(RocksDbOptions.TARGET_FILE_SIZE)
    if file_size is not None:
        options.set_target_file_size_base(file_size)
    elif configuration.get(RocksDbOptions.PREDEFINED_OPTIONS) != "SPINNING_DISK_OPTIMIZED_HIGH_MEM":
        options.set_target_file_size_base(_DEFAULT_FILE)
    level_size = configuration.get(RocksDbOptions.LEVEL_BASE_SIZE)
    if level_size is not None:
        options.set_max_bytes_for_level_base(level_size)
