"""How a simulated store fails at present."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StorageFaults"]


@dataclass(slots=True)
class StorageFaults:
    """Set by whoever disturbs; all zero, a store does what it is asked.

    :ivar error_before: the share of calls that fail without an effect.
    :ivar error_after: the share of changes that are made, though the answer is an error.
    :ivar slow: the share of calls that take up to :attr:`slow_s` seconds.
    :ivar killed_writing: the share of writes in the midst of which their process ends.
    :ivar full: nothing can be written.
    :ivar listing_lag_s: files that are younger may not be listed yet.
    :ivar missing: the share of files to read that cannot be found, though they are there.
    """

    error_before: float = 0.0
    error_after: float = 0.0
    slow: float = 0.0
    slow_s: float = 5.0
    killed_writing: float = 0.0
    full: bool = False
    listing_lag_s: float = 0.0
    missing: float = 0.0
