"""Copies of snapshots on the disk of the host that took them, so that tasks that restart there read no remote file."""
