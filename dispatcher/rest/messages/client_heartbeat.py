"""The client of a job says that it lives."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from millstream.dispatcher.rest.messages.base import CamelMessage

__all__ = ["ClientHeartbeatBody"]


class ClientHeartbeatBody(CamelMessage):
    """How long it may be silent from here on.

    :ivar expired_timestamp: ms; the job is cancelled if nothing more has come by then.
    """

    expired_timestamp: Annotated[int, Field(ge=0)]
