"""What the functions of a checked job tell those who look on: broken promises, and what outside systems were told.

It is known to the whole operating system process, since functions come to their workers pickled and cannot bring it
with them. Simulated workers, and those that are threads, all live in that process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from millstream.testing.simulation.ledger import Ledger

__all__ = ["Complaint", "Observations", "Restore", "SemanticError", "observations", "observing"]


class SemanticError(AssertionError):
    """A promise of the engine was broken."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a function saw.

    :ivar invariant: ``I3`` and the like.
    """

    at: float
    invariant: str
    text: str


@dataclass(frozen=True, slots=True)
class Restore:
    """A function begins.

    :ivar checkpoint_id: what it goes on from; ``None``: from nothing.
    :ivar worker_since: when its worker began, if that is known: it is one JobMaster's.
    """

    at: float
    function: str
    subtask: int
    attempt: int
    checkpoint_id: int | None
    worker_since: float | None = None


@dataclass(slots=True)
class Observations:
    """Of one run.

    :ivar now: seconds, by whatever clock the run has.
    :ivar worker_since: when the worker began that runs at present.
    :ivar injected: the texts of the exceptions that functions raised because they were told to.
    """

    now: Callable[[], float]
    worker_since: Callable[[], float | None] = lambda: None
    complaints: list[Complaint] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.now)

    def complain(self, invariant: str, text: str) -> SemanticError:
        """Note a broken promise; raise what this returns, so that the job does not go on as if nothing had been."""
        self.complaints.append(Complaint(self.now(), invariant, text))
        return SemanticError(f"{invariant}: {text}")

    def injects(self, text: str) -> None:
        """Note an exception that a function raises because it was told to."""
        self.injected.append(text)

    def begins(self, function: str, subtask: int, attempt: int, checkpoint_id: int | None) -> None:
        """Note that an attempt at a subtask begins, and from what."""
        self.restores.append(Restore(self.now(), function, subtask, attempt, checkpoint_id, self.worker_since()))


_present: list[Observations] = []


@contextmanager
def observing(of: Observations) -> Iterator[Observations]:
    """Let the functions of all jobs in this process tell ``of``.

    :raises RuntimeError: somebody observes already.
    """
    if _present:
        raise RuntimeError("there is somebody already who observes the checked jobs of this process")
    _present.append(of)
    try:
        yield of
    finally:
        _present.clear()


def observations() -> Observations:
    """Return whom to tell.

    :raises RuntimeError: nobody observes.
    """
    if not _present:
        raise RuntimeError("a checked job runs only while somebody observes it: use observing()")
    return _present[0]
