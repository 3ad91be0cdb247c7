"""Metadata as hypothesis makes it up."""

from __future__ import annotations

from hypothesis import strategies as st

from millstream.common.wire.checkpoint_pb2 import (
    ChannelStateHandle,
    CheckpointMetadata,
    KeyedStateHandle,
    NamedFile,
    OperatorState,
    OperatorStateHandle,
    OperatorSubtaskState,
    StateBytes,
)

DIRECTORY = "/data/checkpoints/0123456789abcdef0123456789abcdef/chk-7"

_NAMES = st.text("abcXYZ-_09", min_size=1, max_size=12)
_BESIDE = DIRECTORY.rpartition("/")[0]
_PATHS = st.one_of(
    _NAMES.map(lambda name: f"{DIRECTORY}/{name}"),
    _NAMES.map(lambda name: f"{_BESIDE}/shared/{name}"),
    _NAMES.map(lambda name: f"{_BESIDE}/taskowned/{name}"),
    _NAMES.map(lambda name: f"/data/checkpoints/other/shared/{name}"),
    _NAMES.map(lambda name: f"s3://bucket/other/{name}"),
)
_STORED = st.builds(
    StateBytes,
    inline=st.binary(max_size=20),
    path=st.just(""),
    size=st.integers(0, 99),
    crc32=st.integers(0, 2**32 - 1),
) | st.builds(StateBytes, path=_PATHS, size=st.integers(0, 2**40), crc32=st.integers(0, 2**32 - 1))
_FILES = st.builds(NamedFile, name=_NAMES, bytes=_STORED, shared=st.booleans())
_KEYED = st.builds(
    KeyedStateHandle,
    first_key_group=st.integers(0, 63),
    last_key_group=st.integers(64, 127),
    format=st.sampled_from(["canonical", "rocksdb"]),
    file=_STORED,
    files=st.lists(_FILES, max_size=2),
)
_OPERATOR = st.builds(OperatorStateHandle, name=_NAMES, mode=st.just("UNION"), bytes=_STORED)
_SUBTASKS = st.builds(
    OperatorSubtaskState, keyed=st.lists(_KEYED, max_size=2), operator=st.lists(_OPERATOR, max_size=2)
)
_OPERATORS = st.builds(
    OperatorState,
    operator_id=_NAMES,
    uid=_NAMES,
    name=st.text(max_size=10),
    parallelism=st.integers(1, 9),
    subtasks=st.dictionaries(st.integers(0, 8), _SUBTASKS, max_size=2),
)
METADATA = st.builds(
    CheckpointMetadata,
    checkpoint_id=st.integers(1, 2**62),
    kind=st.sampled_from(["CHECKPOINT", "SAVEPOINT"]),
    operators=st.lists(_OPERATORS, max_size=3),
    channels=st.lists(st.builds(ChannelStateHandle, edge_id=_NAMES, bytes=_STORED), max_size=2),
)
