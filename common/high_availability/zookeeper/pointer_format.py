"""What the nodes of the stores hold: one JSON object each, as leaders write it and as whoever looks in reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.zookeeper.storage import StoredData

__all__ = [
    "MalformedPointerError",
    "ResultPointer",
    "decode_checkpoint",
    "decode_checkpoint_id",
    "decode_graph",
    "decode_result",
    "encode_checkpoint",
    "encode_graph",
    "encode_result",
]


class MalformedPointerError(MillstreamError):
    """A node in ZooKeeper does not hold what Millstream writes there."""


@dataclass(frozen=True, slots=True)
class ResultPointer:
    """What became of a job, in short.

    :ivar data: where all of it is.
    :ivar state: the terminal JobStatus, by name.
    :ivar dirty: something else is still kept for the job.
    :ivar ended_ms: since the epoch, by the clock of the master that led.
    """

    data: StoredData
    state: str
    dirty: bool
    ended_ms: int


def encode_graph(data: StoredData) -> bytes:
    return _encode({"file": data.file, "sha256": data.sha256})


def decode_graph(contents: bytes, node: str) -> StoredData:
    """
    :param node: where the contents are from, for errors.
    :raises MalformedPointerError: they are no such pointer.
    """
    fields = _decode(contents, node, file=str, sha256=str)
    return StoredData(fields["file"], fields["sha256"])


def encode_result(pointer: ResultPointer) -> bytes:
    return _encode(
        {
            "file": pointer.data.file,
            "sha256": pointer.data.sha256,
            "state": pointer.state,
            "dirty": pointer.dirty,
            "ended_ms": pointer.ended_ms,
        }
    )


def decode_result(contents: bytes, node: str) -> ResultPointer:
    """See :func:`decode_graph`."""
    fields = _decode(contents, node, file=str, sha256=str, state=str, dirty=bool, ended_ms=int)
    return ResultPointer(
        StoredData(fields["file"], fields["sha256"]), fields["state"], fields["dirty"], fields["ended_ms"]
    )


def encode_checkpoint(pointer: CheckpointPointer) -> bytes:
    return _encode({"directory": pointer.directory, "owned": pointer.owned})


def decode_checkpoint(contents: bytes, node: str) -> CheckpointPointer:
    """See :func:`decode_graph`; the id is the node's name."""
    fields = _decode(contents, node, directory=str, owned=bool)
    name = node.rpartition("/")[2]
    if not _is_number(name):
        raise MalformedPointerError(f"The node {node} in ZooKeeper is no checkpoint's: its name is no number.")
    return CheckpointPointer(int(name), fields["directory"], fields["owned"])


def decode_checkpoint_id(contents: bytes, node: str) -> int:
    """Return the number that a node holds, in decimal digits; see :func:`decode_graph`."""
    text = contents.decode("ascii", "replace")
    if not _is_number(text) or int(text) < 1:
        raise MalformedPointerError(
            f"The node {node} in ZooKeeper holds {text[:50]!r} instead of a checkpoint id; set it to a number larger "
            "than that of any checkpoint of the job."
        )
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _encode(fields: dict[str, str | bool | int]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _decode(contents: bytes, node: str, **types: type) -> dict[str, Any]:
    """Return the fields that are wanted; others, of later versions, are left out."""
    try:
        fields: Any = json.loads(contents)
    except ValueError as error:
        raise MalformedPointerError(
            f"The node {node} in ZooKeeper holds no JSON; it was not written by Millstream, or was changed."
        ) from error
    known: dict[str, Any] = fields if isinstance(fields, dict) else {}
    for name, kind in types.items():
        if type(known.get(name)) is not kind:
            raise MalformedPointerError(
                f"The node {node} in ZooKeeper has no field {name!r} of type {kind.__name__}; it was not written by "
                "this version of Millstream, or was changed."
            )
    return known
