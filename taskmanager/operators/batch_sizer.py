"""How many records to process before giving the loop a chance, learnt from the time that the last ones took."""

from __future__ import annotations

__all__ = ["MAX_BATCH_RECORDS", "QUANTUM_NS", "BatchSizer"]

QUANTUM_NS = 5_000_000
"""A task should hold the slot's loop no longer than this at a time."""
MAX_BATCH_RECORDS = 1024
"""A batch and what is made of it should stay in the processor's cache until the chain is done with it: with larger
batches every operator reads its input from memory again, which costs more than the calls per batch saved."""
MAX_PRODUCED_RECORDS = 256
"""What a step that multiplies records puts out at a time. Its output is all new objects, often with others inside, and
so takes several times the room of what came in."""
_GROWTH = 8


class BatchSizer:
    """Gives the number of records that fit a quantum.

    It begins with one record, since nobody knows how slow a user's function is, and grows fast as long as they are
    quick.

    :ivar limit: 1 to ``MAX_BATCH_RECORDS``.
    """

    __slots__ = ("_quantum_ns", "limit")

    def __init__(self, quantum_ns: int = QUANTUM_NS) -> None:
        self._quantum_ns = quantum_ns
        self.limit = 1

    def update(self, records: int, elapsed_ns: int, produced: int = 0) -> None:
        """``records`` records took ``elapsed_ns`` and gave ``produced``."""
        if elapsed_ns > self._quantum_ns:
            self.limit = max(1, min(self.limit, records * self._quantum_ns // elapsed_ns))
        most = MAX_PRODUCED_RECORDS if produced > records else MAX_BATCH_RECORDS
        if produced > most:
            self.limit = max(1, min(self.limit, records * most // produced))
        elif records >= self.limit and self.limit < MAX_BATCH_RECORDS and elapsed_ns <= self._quantum_ns:
            fitting = records * self._quantum_ns // max(elapsed_ns, 1)
            small = records * most // max(produced, 1)
            self.limit = max(1, min(MAX_BATCH_RECORDS, self.limit * _GROWTH, fitting, small))
