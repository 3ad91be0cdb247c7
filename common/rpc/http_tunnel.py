"""How calls of the Dispatcher's gateway travel over HTTP, by way of the REST interface.

``POST <REST interface>/v1/millstream/rpc/<Method>`` with the request message as body; the answer's body is the response
message, both as protobuf. An answer to a call that has failed bears the :class:`~millstream.common.rpc.faults.Fault` in
two headers, and its message as ``{"errors": [message]}``. Any other answer is of the REST interface, or of something on
the way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from millstream.common.rpc.faults import Fault

__all__ = ["CONTENT_TYPE", "PATH", "error_text", "fault_headers", "read_fault"]

PATH: Final = "/v1/millstream/rpc/"
"""What the method's name (``SubmitJob``) is put behind."""
CONTENT_TYPE: Final = "application/x-protobuf"
"""Of both messages."""

_ERROR_TYPE: Final = "millstream-error-type"
_ERROR_ORIGIN: Final = "millstream-error-origin"
_CARRIER: Final = "carrier"
_METHOD: Final = "method"


def fault_headers(fault: Fault) -> dict[str, str]:
    """Return what an answer says of a call that has failed."""
    return {_ERROR_TYPE: quote(fault.error_type), _ERROR_ORIGIN: _CARRIER if fault.carrier else _METHOD}


def read_fault(headers: Mapping[str, str], body: bytes) -> Fault | None:
    """Return what an answer says went wrong with the call; ``None``: it is not of the one who carries calls out.

    :param headers: their names are in lower case.
    """
    error_type = headers.get(_ERROR_TYPE)
    if not error_type:
        return None
    return Fault(headers.get(_ERROR_ORIGIN) == _CARRIER, unquote(error_type), error_text(body))


def error_text(body: bytes) -> str:
    """Return what an answer's body says is wrong: the first of its errors, or all of a body in another form."""
    try:
        return str(json.loads(body)["errors"][0])
    except (ValueError, KeyError, IndexError, TypeError):  # something on the way has written another one
        return body.decode("utf-8", "replace")
