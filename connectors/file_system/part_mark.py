"""What the hidden name of a sink's file says: who has begun it, and when.

A subtask that has started again finds by it the files that other attempts have begun. When a checkpoint of its own is
complete no state knows them, and nobody else will delete them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from millstream.datastream.sink import WriterInitContext

__all__ = ["PartMark"]

_MARK = re.compile(r"\.inprogress\.([0-9a-f]{16})-(\d+)-(\d+)-(\d+)$")


@dataclass(frozen=True, slots=True)
class PartMark:
    """Ends a hidden name.

    :ivar owner: the sink and its job.
    :ivar since: the checkpoint that the subtask took or went on from last when it began the file; 0: none.
    """

    owner: str
    subtask: int
    attempt: int
    since: int

    @staticmethod
    def of(context: WriterInitContext, since: int) -> PartMark:
        """The mark of the files that a writer begins now."""
        # Not the lineage: two jobs may go on from the same savepoint, and write at the same time.
        name = f"{context.job_id}/{context.operator_id}"
        owner = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
        return PartMark(owner, context.subtask_id, context.attempt_number, since)

    def __str__(self) -> str:
        return f"{self.owner}-{self.subtask}-{self.attempt}-{self.since}"

    @staticmethod
    def parse(name: str) -> PartMark | None:
        """The mark of a hidden name; ``None``: it has none."""
        found = _MARK.search(name)
        return None if found is None else PartMark(found[1], int(found[2]), int(found[3]), int(found[4]))

    def is_left_over(self, other: PartMark, complete: int, parallelism: int) -> bool:
        """Whether a file with the other mark is of no use when a checkpoint of a writer with this mark is complete, and
        that writer has not begun the file.

        Not before: the writer itself may be the one that was given up for dead, and the file its successor's. Whoever
        succeeds it after that checkpoint goes on from it, or from a later one, and so do the marks of its files. What
        the checkpoint itself needs was begun by writers of this attempt, also where they went on with older files.

        Each subtask sees to its own files, and to those of subtasks that are no more. Attempts are not compared: they
        are counted anew when another JobManager takes the job over.
        """
        if other.owner != self.owner or other.since >= complete:
            return False
        return other.subtask == self.subtask or (
            other.subtask >= parallelism and other.subtask % parallelism == self.subtask
        )
