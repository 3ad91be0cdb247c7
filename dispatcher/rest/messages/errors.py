"""The body of every answer that is an error."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Message

__all__ = ["ErrorBody"]


class ErrorBody(Message):
    """What went wrong. Interfaces show the first of the errors."""

    errors: list[str]
