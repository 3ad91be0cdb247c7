"""What an archive holds many of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["OVERVIEW", "Answer"]

OVERVIEW: Final = "/jobs/overview"
"""The path of the one answer that is a part of the answer for all jobs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the REST interface has answered to one path.

    :ivar path: without ``/v1``.
    :ivar body: JSON.
    """

    path: str
    body: bytes
