"""What is known of a state without looking into its values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StateInfo"]


@dataclass(frozen=True, slots=True)
class StateInfo:
    """A state of an operator, over all of its subtasks.

    :ivar name: of timers that of their queue and ``timers``; an operator's own states have a blank before theirs.
    :ivar kind: keyed: ``value``, ``list``, ``map``, ``reducing``, ``aggregating``, ``timers``, or ``operator`` for what
        an operator keeps without a descriptor. Not keyed: ``SPLIT``, ``UNION`` or ``BROADCAST``.
    :ivar keyed: it belongs to keys.
    :ivar namespaced: it belongs to keys and windows.
    :ivar expires: it has a time to live.
    :ivar key_type: as it was declared; ``ANY``: not at all.
    :ivar value_type: as it was declared.
    :ivar entries: keys (of each window), timers or items; ``None``: not counted.
    :ivar size: bytes, before they were compressed; ``None``: not counted.
    """

    name: str
    kind: str
    keyed: bool
    namespaced: bool
    expires: bool
    key_type: str
    value_type: str
    entries: int | None
    size: int | None
