"""Identifiers of jobs, tasks, slots and processes.

All of them are plain strings under distinct names, so that they travel in messages as they are and mypy still
tells them apart. Fresh ones come from an :class:`IdFactory`, whose random source is injected: a seeded simulation
of the whole cluster then gives the same ids each time.
"""

from __future__ import annotations

import random
import re
from typing import NewType

__all__ = [
    "AllocationId",
    "AttemptId",
    "IdFactory",
    "JobID",
    "LeaderSessionId",
    "OperatorId",
    "ResourceId",
    "VertexId",
]

VertexId = NewType("VertexId", str)
"""A JobVertex: 32 hex digits, the operator id of the chain's head."""

OperatorId = NewType("OperatorId", str)
"""An operator: 32 hex digits, from the user's uid or from its place in the graph."""

AttemptId = NewType("AttemptId", str)
"""One attempt to run one subtask (an Execution): ``<vertex id>_<subtask>_<attempt>_<random>``."""

AllocationId = NewType("AllocationId", str)
"""The binding of one slot to one job."""

ResourceId = NewType("ResourceId", str)
"""A TaskManager process."""

LeaderSessionId = NewType("LeaderSessionId", str)
"""A fencing token: new each time a component takes or starts its leadership."""

_HEX_32 = re.compile(r"[0-9a-f]{32}")


class JobID(str):
    """The id of a job: 32 hex digits."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> JobID:
        """Return ``text`` as a job id.

        :raises ValueError: ``text`` is not 32 hex digits.
        """
        lowered = text.strip().lower()
        if not _HEX_32.fullmatch(lowered):
            raise ValueError(f"JobID string cannot be parsed: {text!r} is not 32 hexadecimal digits")
        return cls(lowered)


class IdFactory:
    """Makes fresh ids from an injected random source (the operating system's by default)."""

    __slots__ = ("_random",)

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source if source is not None else random.SystemRandom()

    def hex(self, digits: int = 32) -> str:
        """Return ``digits`` random hexadecimal digits."""
        return f"{self._random.getrandbits(digits * 4):0{digits}x}"

    def job_id(self) -> JobID:
        return JobID(self.hex())

    def allocation_id(self) -> AllocationId:
        return AllocationId(self.hex())

    def leader_session_id(self) -> LeaderSessionId:
        return LeaderSessionId(self.hex())

    def attempt_id(self, vertex_id: VertexId, subtask_index: int, attempt_number: int) -> AttemptId:
        return AttemptId(f"{vertex_id}_{subtask_index}_{attempt_number}_{self.hex(8)}")

    def secret(self) -> bytes:
        """Return 32 random bytes for a job's data plane handshake."""
        return self._random.getrandbits(256).to_bytes(32, "big")
