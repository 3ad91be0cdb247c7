"""The format of state without keys: a list of items, each in bytes of its own.

Items are divided among subtasks by their offsets, without looking into them. What says what they are stands before the
first one, so it goes with each share::

    u8 0xA6 | u8 version | u32 size of JSON | JSON [meta, schemas] | items

An item of a user's list state is a segment (:mod:`.canonical_format`) with one entry, whose key is ``None`` and whose
value is the list of the one element; broadcast state is one such item, whose value is the whole dict. So their records
come back as those of keyed state do. The items of an operator (kind ``operator``) are pickles.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from millstream.common.errors import MillstreamError, StateMismatchError
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle
from millstream.taskmanager.state.canonical_format import RecordSchema, StateMeta
from millstream.taskmanager.state.segment_decoder import SegmentDecoder
from millstream.taskmanager.state.segment_encoder import SegmentEncoder
from millstream.taskmanager.state.state_pickle import dump_state

__all__ = ["BROADCAST", "LIST", "StoredItems", "items_of_handle", "pack_items", "pickle_items"]

LIST: Final = "list"
BROADCAST: Final = "map"

_HEAD: Final = struct.Struct("<BBI")
_MARK: Final = 0xA6
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class StoredItems:
    """Items of one state, in bytes.

    :ivar meta: its kind is :data:`LIST`, :data:`BROADCAST` or ``operator``.
    :ivar schemas: of the records in the items, by id.
    :ivar source: where they are from, for messages.
    """

    meta: StateMeta
    items: Sequence[bytes]
    schemas: Mapping[bytes, RecordSchema]
    source: str = ""

    def header(self) -> bytes:
        """Return what stands before the first item."""
        schemas = {id_.hex(): schema.to_json() for id_, schema in self.schemas.items()}
        text = json.dumps([self.meta.to_json(), schemas], separators=(",", ":")).encode("ascii")
        return _HEAD.pack(_MARK, _VERSION, len(text)) + text

    def unpickled(self) -> list[Any]:
        """Return the items of an operator.

        :raises MillstreamError: their classes cannot be had, or refuse.
        """
        try:
            return [pickle.loads(item) for item in self.items]  # the job's own snapshot
        except Exception as error:
            raise StateMismatchError(
                f"the state {self.meta.name.strip()!r} of an operator, in {self.source}, cannot be unpickled: "
                f"{type(error).__name__}: {error}; ship the modules of its classes with the job (env.add_python_file)"
            ) from error

    def values(self, type_info: TypeInformation | None) -> list[Any]:
        """Return the lists of elements, or the dicts, of the items.

        :param type_info: the type that the state is declared with now: that of a list, or of a map.
        :raises MillstreamError: classes are missing, refuse, or have changed in a way that cannot be bridged.
        """
        decoder = SegmentDecoder(self.meta, self.schemas, type_info, self.source)
        return [value for item in self.items for block in decoder.decode(item) for value in block.values]


def pack_items(meta: StateMeta, values: Iterable[Any]) -> StoredItems:
    """Pack lists of elements, or dicts: each becomes an item.

    :raises MillstreamError: one cannot be pickled.
    """
    encoder = SegmentEncoder(meta)
    items = [b"".join(encoder.encode([None], [1], [None], [value])) for value in values]
    return StoredItems(meta, items, encoder.schemas)


def pickle_items(meta: StateMeta, values: Iterable[Any]) -> StoredItems:
    """Pack items of an operator.

    :raises MillstreamError: one cannot be pickled.
    """
    items = []
    for value in values:
        try:
            items.append(dump_state(value))
        except Exception as error:
            raise MillstreamError(
                f"an item of the state {meta.name.strip()!r} of an operator cannot be pickled "
                f"({type(error).__name__}: {error}): {value!r:.100}"
            ) from error
    return StoredItems(meta, items, {})


def items_of_handle(handle: OperatorStateHandle, data: bytes) -> StoredItems:
    """Return the share of a handle.

    :param data: all bytes that it refers to.
    :raises MillstreamError: they are not what was written.
    """
    source = handle.bytes.path or "the snapshot's metadata"
    try:
        mark, version, size = _HEAD.unpack_from(data)
        if (mark, version) != (_MARK, _VERSION):
            raise ValueError(f"it begins with {data[:2]!r}")
        meta, schemas = json.loads(data[_HEAD.size : _HEAD.size + size])
        items = [data[offset : offset + length] for offset, length in zip(handle.offsets, handle.lengths, strict=True)]
        if any(len(item) != length for item, length in zip(items, handle.lengths, strict=True)):
            raise ValueError("it ends too early")
        stored = {bytes.fromhex(id_): RecordSchema.from_json(schema) for id_, schema in schemas.items()}
        return StoredItems(StateMeta.from_json(meta), items, stored, source)
    except (ValueError, struct.error) as error:
        raise MillstreamError(
            f"{source} cannot be read as the state {handle.name.strip()!r} of an operator: {error}. Restore from "
            "another checkpoint or savepoint"
        ) from error
