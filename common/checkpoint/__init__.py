"""Snapshots as they are stored: directories, metadata, and the bytes of states."""
