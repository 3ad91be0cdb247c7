"""Names of operators as people see them: in plans, in the names of vertices, on metrics."""

from __future__ import annotations

from typing import Final

__all__ = ["shown_name"]

_MARKS: Final = {"source": "Source: ", "sink": "Sink: "}


def shown_name(name: str, kind: str) -> str:
    """Mark sources and sinks: ``Source: clicks``.

    :param kind: of the operator, as the job graph has it.
    """
    return _MARKS.get(kind, "") + name
