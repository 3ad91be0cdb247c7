"""Which operator of a job is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from millstream.datastream.graph.operator_ids import operator_id_of_uid

__all__ = ["OperatorIdentifier"]

_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class OperatorIdentifier:
    """An operator, by the uid that the program gave it or by its id.

    :ivar operator_id: 32 hex digits.
    :ivar uid: ``None`` if it is known by its id only.
    """

    operator_id: str
    uid: str | None = None

    @staticmethod
    def for_uid(uid: str) -> OperatorIdentifier:
        """The operator on which the program calls ``uid(...)`` with this text."""
        if not uid:
            raise ValueError("a uid is a text that is not empty")
        return OperatorIdentifier(operator_id_of_uid(uid), uid)

    @staticmethod
    def for_uid_hash(uid_hash: str) -> OperatorIdentifier:
        """The operator with this id, as ``set_uid_hash(...)``, the web interface and snapshots have it.

        :raises ValueError: it does not have 32 hexadecimal digits.
        """
        if not _HASH.fullmatch(uid_hash):
            raise ValueError(f"{uid_hash!r} is no operator id: it has 32 hexadecimal digits")
        return OperatorIdentifier(uid_hash)

    @staticmethod
    def of(operator: OperatorIdentifier | str) -> OperatorIdentifier:
        """The identifier itself, or that of a uid."""
        return operator if isinstance(operator, OperatorIdentifier) else OperatorIdentifier.for_uid(operator)

    def __str__(self) -> str:
        return f"operator {self.operator_id}" if self.uid is None else f"operator {self.uid!r}"
