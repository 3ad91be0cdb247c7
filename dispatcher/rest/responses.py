"""How answers are written: once, by pydantic's serialiser, past FastAPI's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter

from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.errors import ErrorBody

__all__ = ["JSON_TYPE", "JsonResponse", "empty_response", "error_response", "json_response"]

JSON_TYPE: Final = "application/json; charset=UTF-8"


class JsonResponse(JSONResponse):
    """A body that is JSON already. By its base, FastAPI describes the answer with the route's model."""

    media_type = JSON_TYPE

    def __init__(self, body: bytes, status_code: int = 200) -> None:
        super().__init__(body, status_code)

    def render(self, content: bytes) -> bytes:
        return content


_LISTS: Final[dict[type[BaseModel], TypeAdapter[list[Any]]]] = {}


def json_response(body: BaseModel | Sequence[BaseModel], status_code: int = 200) -> JsonResponse:
    """Answer with a message, or with an array of messages of one class."""
    if isinstance(body, BaseModel):
        return JsonResponse(body.model_dump_json(by_alias=True).encode(), status_code)
    if not body:
        return JsonResponse(b"[]", status_code)
    element = type(body[0])
    adapter = _LISTS.get(element)
    if adapter is None:
        adapter = _LISTS[element] = TypeAdapter(list[element])  # type: ignore[valid-type]  # known only now
    return JsonResponse(adapter.dump_json(list(body), by_alias=True), status_code)


def empty_response(status_code: int = 200) -> JsonResponse:
    """Answer ``{}``."""
    return json_response(EmptyMessage(), status_code)


def error_response(status_code: int, *errors: str) -> JsonResponse:
    """Answer that something is wrong."""
    return json_response(ErrorBody(errors=list(errors)), status_code)
