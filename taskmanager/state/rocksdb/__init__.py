"""Keyed state in RocksDB, on the worker's disk: as large as the disk, and cheap to snapshot."""
