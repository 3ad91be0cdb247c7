"""The canonical format of keyed state: one file, which every backend writes and reads.

It is a format of its own over plain bytes, so that the heap, RocksDB and tools that look into savepoints share it. What
says what is in a file is never pickled; keys, namespaces and values are where nothing better holds them, and are
unpickled only when entries are decoded. All numbers are little-endian::

    file     header | key groups | footer | trailer
    header   magic (8) | u16 version | u16 zero
    group    frames of one key group, nothing between them; key groups ascend, those without entries are left out
    frame    u32 state (index into the footer's states) | u8 flags (1: snappy) | u64 stored size | u64 size
             | u32 crc32 of these four and the payload | payload: a segment, as it is or compressed
    footer   u32 size of JSON | JSON {"first", "last", "max_parallelism", "states", "schemas"} | index
    index    u32 key group | u64 offset | u64 size | u32 frames | u32 crc32 of its frames' checksums; one after another
    trailer  u64 offset of the footer | u64 size of the footer | u32 crc32 of header, footer and these two | magic (8)

A range of key groups is read by seeking: the trailer, the footer, then these groups. Every byte that is read is covered
by a checksum that is looked at before anything is unpickled.

A *segment* holds entries of one state and one key group (:mod:`.segment_encoder`)::

    u64 size of pool | pool | columns
    pool     pickle of a list of lists: the columns for which there is nothing better; one pickle, so that what is one
             object in a value stays one
    columns  chunks as of :class:`~millstream.taskmanager.network.columns.column.ChunkWriter` (count: entries):
             namespaces, keys, values

The namespaces are a column as well: either there is none, or a list of namespaces and one of how many entries each has,
in this order. Each column begins with a chunk whose flag is one of the tags below, which says what follows. Numbers and
texts are packed by the columns of :mod:`millstream.taskmanager.network.columns`, whose bytes are a part of this format.
Windows of time are written as their bounds, timers of windows as two columns. Lists of list state, dicts of map state
and the stamped pairs of state with a time to live are taken apart into columns of elements. So are records: instances
of one dataclass, named tuple or kind of row, by fields, beside a schema: the record's class and its fields' names and
types. A schema is found by its id, the first bytes of a hash of its JSON, so that segments can be copied from file to
file undecoded.

Entries of a state are unique by namespace and key, but list and map state may come in parts: lists of the same key are
joined in the order in which they come, dicts are united.

Timers are states of the kind ``timers``, without namespace: the entries of the queue are the keys, their times the
values. The same entry may come several times. A queue may have the name of another state, so its state is called
otherwise: see :func:`timers_meta`.

A later version may add tags, kinds and fields of the JSON; what is there keeps its meaning.
"""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from millstream.taskmanager.state.type_form import ANY, TypeForm

__all__ = [
    "COMPRESSED",
    "FRAME",
    "FRAME_CHECKSUM",
    "HEADER",
    "INDEX_ENTRY",
    "MAGIC",
    "OPERATOR",
    "SCHEMA_ID_SIZE",
    "TIMERS",
    "TRAILER",
    "VERSION",
    "EntryBlock",
    "EntryBlocks",
    "Footer",
    "GroupIndex",
    "RecordSchema",
    "StateMeta",
    "Tag",
    "queue_name",
    "timers_meta",
]

MAGIC: Final = b"\x89MSKEYS\n"
"""Neither text nor a pickle, and it breaks if someone converts line ends."""
VERSION: Final = 1
HEADER: Final = struct.Struct("<8sHH")
FRAME: Final = struct.Struct("<IBQQ")
FRAME_CHECKSUM: Final = struct.Struct("<I")
INDEX_ENTRY: Final = struct.Struct("<IQQII")
TRAILER: Final = struct.Struct("<QQI8s")
COMPRESSED: Final = 1
SCHEMA_ID_SIZE: Final = 8

OPERATOR: Final = "operator"
"""The kind of a state that the operator uses directly, without a descriptor."""
TIMERS: Final = "timers"
"""The kind of a queue of timers."""


class Tag:
    """What a column is."""

    __slots__ = ()

    POOL: Final = 0  # the chunk: u32 position in the pool
    INTEGERS: Final = 1
    FLOATS: Final = 2
    TEXTS: Final = 3
    NULLABLE: Final = 4  # the chunk: a byte each, 0 for None; then the column of the others
    RECORDS: Final = 5  # the chunk: id of the schema, then a byte each for the kinds of rows, unless all are INSERT
    LISTS: Final = 6  # then the column of lengths, and that of all elements
    MAPS: Final = 7  # then the columns of lengths, of all keys and of all values
    PAIRS: Final = 8  # then the columns of first and of second halves
    NOTHING: Final = 9  # all are None
    WINDOWS: Final = 10  # all are TimeWindow; then the columns of their starts and of their ends


@dataclass(slots=True)
class EntryBlock:
    """Entries of one state and one namespace.

    :ivar namespace: ``None``: they belong to their keys as such.
    :ivar values: as many as keys: what the state holds for each. That is, of the kind ``list`` a list, of ``map`` a
        dict, else the value or accumulator; with a time to live each value, element or dict value is a pair of it and
        its stamp in ms; of the kind ``timers`` the time, ms.
    """

    state: str
    namespace: Hashable
    keys: list[Any]
    values: list[Any]


@dataclass(slots=True)
class EntryBlocks:
    """Blocks of one state, one after the other.

    :ivar namespaces: of the blocks.
    :ivar counts: how many entries each block has, which is at least one.
    :ivar keys: of all blocks.
    :ivar values: of all blocks; as in :class:`EntryBlock`.
    """

    state: str
    namespaces: list[Hashable]
    counts: list[int]
    keys: list[Any]
    values: list[Any]


@dataclass(frozen=True, slots=True)
class StateMeta:
    """What a file says about one of its states.

    :ivar kind: ``value``, ``list``, ``map``, ``reducing``, ``aggregating``, :data:`OPERATOR` or :data:`TIMERS`.
    :ivar expires: values are stamped with when they were written.
    :ivar namespaced: entries may belong to a key and something else, say a window; for timers: the queue's entries are
        pairs of key and namespace.
    :ivar value_type: the type that the descriptor declared: of a list state that of the list.
    """

    name: str
    kind: str
    expires: bool = False
    namespaced: bool = False
    key_type: TypeForm = ANY
    value_type: TypeForm = ANY

    def to_json(self) -> list[Any]:
        """Return what :meth:`from_json` takes."""
        types = [self.key_type.to_json(), self.value_type.to_json()]
        return [self.name, self.kind, self.expires, self.namespaced, *types]

    @staticmethod
    def from_json(stored: list[Any]) -> StateMeta:
        """Return the meta that :meth:`to_json` gave."""
        name, kind, expires, namespaced, key_type, value_type, *_ = stored
        return StateMeta(name, kind, expires, namespaced, TypeForm.from_json(key_type), TypeForm.from_json(value_type))


_QUEUE: Final = "\0timers:"  # no other state's name begins so


def timers_meta(queue_name: str, *, namespaced: bool) -> StateMeta:
    """Return the meta of a queue of timers."""
    return StateMeta(_QUEUE + queue_name, TIMERS, namespaced=namespaced)


def queue_name(meta: StateMeta) -> str:
    """Return the name that a queue has in its backend, from its meta."""
    return meta.name.removeprefix(_QUEUE)


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """What records were when they were stored.

    :ivar kind: ``dataclass``, ``namedtuple`` or ``row``.
    :ivar module: of their class; empty for rows.
    :ivar names: of their fields.
    :ivar types: of their fields, by annotations or declaration.
    :ivar positional: rows that have no names; ``names`` are then what was declared, or ``f0``, ``f1``, ...
    :ivar pickled_class: the class itself, where it cannot be imported (it is of a script, or of a function).
    """

    kind: str
    module: str
    qualname: str
    names: tuple[str, ...]
    types: tuple[TypeForm, ...]
    positional: bool = False
    pickled_class: bytes = field(default=b"", repr=False)

    def to_json(self) -> list[Any]:
        """Return what :meth:`from_json` takes."""
        types = [form.to_json() for form in self.types]
        pickled = b64encode(self.pickled_class).decode("ascii")
        return [self.kind, self.module, self.qualname, list(self.names), types, self.positional, pickled]

    @staticmethod
    def from_json(stored: list[Any]) -> RecordSchema:
        """Return the schema that :meth:`to_json` gave."""
        kind, module, qualname, names, types, positional, pickled, *_ = stored
        forms = tuple(map(TypeForm.from_json, types))
        return RecordSchema(kind, module, qualname, tuple(names), forms, positional, b64decode(pickled))

    def identify(self) -> bytes:
        """Return its id."""
        return hashlib.blake2b(_dump(self.to_json()), digest_size=SCHEMA_ID_SIZE).digest()

    def __str__(self) -> str:
        return f"{self.kind} {self.module}.{self.qualname}" if self.qualname else self.kind


@dataclass(frozen=True, slots=True)
class GroupIndex:
    """Where a key group is: see the format."""

    offset: int
    size: int
    frames: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says about itself.

    :ivar first_key_group: of the subtask that wrote it.
    :ivar last_key_group: of the subtask that wrote it, included.
    :ivar schemas: by id.
    :ivar index: by key group.
    """

    first_key_group: int
    last_key_group: int
    max_parallelism: int
    states: tuple[StateMeta, ...]
    schemas: dict[bytes, RecordSchema]
    index: dict[int, GroupIndex]

    def encode(self) -> bytes:
        """Return the footer's bytes."""
        text = _dump(
            {
                "first": self.first_key_group,
                "last": self.last_key_group,
                "max_parallelism": self.max_parallelism,
                "states": [meta.to_json() for meta in self.states],
                "schemas": {id_.hex(): schema.to_json() for id_, schema in self.schemas.items()},
            }
        )
        entries = [
            INDEX_ENTRY.pack(group, each.offset, each.size, each.frames, each.checksum)
            for group, each in self.index.items()
        ]
        return b"".join((struct.pack("<I", len(text)), text, *entries))

    @staticmethod
    def decode(data: bytes) -> Footer:
        """Return the footer of bytes whose checksum is right."""
        (length,) = struct.unpack_from("<I", data)
        fields = json.loads(data[4 : 4 + length])
        index = {group: GroupIndex(*rest) for group, *rest in INDEX_ENTRY.iter_unpack(data[4 + length :])}
        schemas = {bytes.fromhex(id_): RecordSchema.from_json(stored) for id_, stored in fields["schemas"].items()}
        states = tuple(map(StateMeta.from_json, fields["states"]))
        return Footer(fields["first"], fields["last"], fields["max_parallelism"], states, schemas, index)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
