"""What goes wrong in a simulated cluster, by the seed; and the account of what did."""

from __future__ import annotations

from millstream.testing.simulation.faults.fault_coverage import FaultCoverage
from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_targets import FaultTargets
from millstream.testing.simulation.faults.nemesis import Nemesis

__all__ = ["FaultCoverage", "FaultKind", "FaultTargets", "Nemesis"]
