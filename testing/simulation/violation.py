"""A broken promise that a run has shown."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong.

    :ivar invariant: which promise, ``I1`` to ``I16``.
    :ivar text: what was seen, in words.
    :ivar at: virtual seconds since the beginning; ``None``: it shows in the end only.
    """

    invariant: str
    text: str
    at: float | None = None

    def __str__(self) -> str:
        when = "" if self.at is None else f" at {self.at:.3f} s"
        return f"{self.invariant}{when}: {self.text}"
