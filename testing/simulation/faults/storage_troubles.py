"""Faults of storage."""

from __future__ import annotations

from collections.abc import Callable

from millstream.testing.simulation.faults.fault_kind import FaultKind
from millstream.testing.simulation.faults.fault_trial import Fault, FaultTrial
from millstream.testing.simulation.storage import StorageFaults

__all__ = ["STORAGE_FAULTS"]


def _storage_error(trial: FaultTrial) -> Fault | None:
    before, after = trial.for_a_while(0.01, 0.5), trial.for_a_while(0.01, 0.5)

    def begin(faults: StorageFaults) -> None:
        faults.error_before, faults.error_after = before, after

    def end(faults: StorageFaults) -> None:
        faults.error_before = faults.error_after = 0.0

    return _set(trial, begin, end, f"{before:.3f} before and {after:.3f} after the effect", 8.0)


def _torn_write(trial: FaultTrial) -> Fault | None:
    part = trial.for_a_while(0.02, 0.5)

    def begin(faults: StorageFaults) -> None:
        faults.killed_writing = part

    def end(faults: StorageFaults) -> None:
        faults.killed_writing = 0.0

    return _set(trial, begin, end, f"{part:.3f} of the writes end their process", 2.0)


def _slow_disk(trial: FaultTrial) -> Fault | None:
    part, seconds = trial.for_a_while(0.05, 1.0), trial.for_a_while(0.05, 10.0)

    def begin(faults: StorageFaults) -> None:
        faults.slow, faults.slow_s = part, seconds

    def end(faults: StorageFaults) -> None:
        faults.slow = 0.0

    return _set(trial, begin, end, f"{part:.3f} of the calls take up to {seconds:.3f} s", 15.0)


def _full_disk(trial: FaultTrial) -> Fault | None:
    def begin(faults: StorageFaults) -> None:
        faults.full = True

    def end(faults: StorageFaults) -> None:
        faults.full = False

    return _set(trial, begin, end, "no space left", 8.0)


def _listing_lag(trial: FaultTrial) -> Fault | None:
    lag = trial.for_a_while(0.1, 10.0)

    def begin(faults: StorageFaults) -> None:
        faults.listing_lag_s = lag

    def end(faults: StorageFaults) -> None:
        faults.listing_lag_s = 0.0

    return _set(trial, begin, end, f"{lag:.3f} s", 20.0)


def _set(
    trial: FaultTrial,
    begin: Callable[[StorageFaults], None],
    end: Callable[[StorageFaults], None],
    text: str,
    longest_s: float,
) -> Fault | None:
    storage = trial.cluster.storage
    if storage is None:
        return None
    begin(storage.faults)
    return Fault(text, lambda: end(storage.faults), trial.for_a_while(0.1, longest_s))


STORAGE_FAULTS: dict[FaultKind, Callable[[FaultTrial], Fault | None]] = {
    FaultKind.STORAGE_ERROR: _storage_error,
    FaultKind.TORN_WRITE: _torn_write,
    FaultKind.SLOW_DISK: _slow_disk,
    FaultKind.FULL_DISK: _full_disk,
    FaultKind.LISTING_LAG: _listing_lag,
}
