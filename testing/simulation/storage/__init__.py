"""Storage in memory for simulations: shared by all hosts, durable where a real one is, failing by the seed."""

from __future__ import annotations

from millstream.testing.simulation.storage.simulated_storage import SimulatedStorage
from millstream.testing.simulation.storage.storage_faults import StorageFaults
from millstream.testing.simulation.storage.volume import Volume

__all__ = ["SimulatedStorage", "StorageFaults", "Volume"]
