"""The ResourceManager: knows all slots of the cluster and gives them to jobs."""

from __future__ import annotations

from millstream.jobmanager.resource_manager.resource_manager import ResourceManager

__all__ = ["ResourceManager"]
