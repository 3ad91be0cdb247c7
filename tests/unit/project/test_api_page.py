"""The page that lists every operation lists every operation."""

from __future__ import annotations

import re

import pytest

from millstream import common, datastream
from millstream.datastream import functions, state, window
from tests.unit.project.checkout import ROOT

NAMED = frozenset(re.findall(r"\w+", (ROOT / "docs" / "api.md").read_text(encoding="utf-8")))

CLASSES = (
    "StreamExecutionEnvironment",
    "DataStream",
    "KeyedStream",
    "WindowedStream",
    "AllWindowedStream",
    "ConnectedStreams",
    "BroadcastConnectedStream",
    "DataStreamSink",
    "SplitStream",
    "IntervalJoin",
    "AsyncDataStream",
)

# What others are derived from, which programs do not use by itself; and what goes without saying.
BASES = frozenset(
    {
        "AppendingState",
        "BaseBroadcastProcessFunction",
        "CheckpointStorage",
        "Function",
        "MergingState",
        "RestartStrategyConfiguration",
        "StateBackend",
        "StateDescriptor",
        "takes_result_future",
    }
)


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_is_listed(name: str) -> None:
    members = [each for each in dir(getattr(datastream, name)) if not each.startswith("_")]
    assert [each for each in members if each not in NAMED] == []


@pytest.mark.parametrize("package", [common, datastream, functions, state, window], ids=lambda each: each.__name__)
def test_every_exported_name_is_listed(package: object) -> None:
    exported: list[str] = package.__all__  # type: ignore[attr-defined]  # a module's
    missing = [each for each in exported if each not in NAMED | BASES and not each.startswith("Rich")]
    assert missing == []
