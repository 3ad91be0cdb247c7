"""A segment of a canonical file as it was stored: to be decoded later, or to be stored again as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from millstream.common.typeinfo import TypeInformation
from millstream.taskmanager.state.canonical_format import EntryBlock, RecordSchema, StateMeta
from millstream.taskmanager.state.segment_decoder import SegmentDecoder

__all__ = ["StoredSegment", "decode_segments"]


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """Entries of one state and one key group.

    :ivar data: the segment, not compressed; its checksum was right.
    :ivar schemas: those of its file.
    :ivar source: its file, for messages.
    """

    meta: StateMeta
    data: bytes
    schemas: Mapping[bytes, RecordSchema]
    source: str


def decode_segments(segments: list[StoredSegment], type_info: TypeInformation | None) -> Iterator[EntryBlock]:
    """Decode segments of one state, perhaps of several files.

    :param type_info: the type that the state is declared with now; ``None``: none.
    :raises MillstreamError: classes are missing, refuse, or have changed in a way that cannot be bridged.
    """
    decoder: SegmentDecoder | None = None
    before: StoredSegment | None = None
    for segment in segments:
        if decoder is None or before is None or before.schemas is not segment.schemas:
            decoder = SegmentDecoder(segment.meta, segment.schemas, type_info, segment.source)
        before = segment
        yield from decoder.decode(segment.data)
