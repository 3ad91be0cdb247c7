"""What the hidden name of a sink's file says: who has begun it, and when.

A subtask that starts again finds by it the files that its earlier attempts have begun after the checkpoint that it goes
on from. No state knows them, and nobody else will delete them.
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

    def may_delete(self, other: PartMark, parallelism: int) -> bool:
        """Whether a subtask that begins with this mark, and has no file yet, may delete a file with the other one.

        Each subtask sees to its own files, and to those of subtasks that are no more. Attempts are not compared: they
        are counted anew when another JobManager takes the job over.
        """
        if other.owner != self.owner or other.since < self.since:
            return False
        return other.subtask == self.subtask or (
            other.subtask >= parallelism and other.subtask % parallelism == self.subtask
        )
