"""``millstream savepoint inspect``."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from millstream.client.cli.main import main
from millstream.common import Time, Types
from millstream.common.checkpoint.metadata_file import write_metadata
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, OperatorState
from millstream.datastream.state import ListStateDescriptor, StateTtlConfig, ValueStateDescriptor
from millstream.state_processor import SavepointWriter


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


def test_it_shows_operators_and_states_and_unpickles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    living = ValueStateDescriptor("last", Types.LONG())
    living.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(1)).build())
    writer = SavepointWriter.new_savepoint(64)
    writer.with_keyed_state("count words", living, [("a", 1), ("b", 2)])
    writer.with_keyed_state("count words", ListStateDescriptor("any"), [("a", [object, object])])
    writer.with_timers("count words", [("a", 1000)])
    writer.with_operator_state("count words", ListStateDescriptor("offsets", Types.LONG()), [1, 2, 3])
    path = writer.write(str(tmp_path / "savepoint"))

    def forbidden(*_: Any) -> None:
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "loads", forbidden)
    assert main(["savepoint", "inspect", "savepoint"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == path
    assert re.fullmatch("  kind:     SAVEPOINT 1, CANONICAL", lines[1])
    assert re.fullmatch("  job:      [0-9a-f]{32}", lines[2])
    assert re.match(r"  taken:    \d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d by Millstream \d", lines[3])
    assert re.fullmatch(r"  size:     [1-9]\d* bytes", lines[4])
    assert re.fullmatch(r"count words \(uid count words, id [0-9a-f]{32}\)", lines[6])
    assert lines[7] == "  parallelism 1, max parallelism 64"
    rows = [re.split(" {2,}", line.strip())[:4] for line in lines[8:]]
    assert rows == [
        ["State", "Kind", "Type", "Entries"],
        ["event-time timers", "timers", "LONG", "1"],
        ["any", "list", "ANY", "1"],
        ["last", "value with ttl", "LONG", "2"],
        ["offsets", "split", "LIST(LONG)", "3"],
    ]


def test_operators_without_uid_or_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = OperatorState(operator_id="ab" * 16, name="Map", parallelism=2, max_parallelism=128, finished=True)
    write_metadata(CheckpointMetadata(checkpoint_id=7, kind="CHECKPOINT", operators=[state]), str(tmp_path / "chk-7"))
    assert main(["savepoint", "inspect", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "chk-7")
    assert lines[6:] == [
        f"Map (without a uid, id {'ab' * 16})",
        "  parallelism 2, max parallelism 128, finished",
        "  no state",
    ]


def test_a_document_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = SavepointWriter.new_savepoint(64)
    writer.with_operator_state("reader", ListStateDescriptor("offsets", Types.LONG()), [1, 2, 3])
    path = writer.write(str(tmp_path / "savepoint"))
    assert main(["savepoint", "--json", "inspect", "savepoint"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["location"], document["kind"], document["id"]) == (path, "SAVEPOINT", 1)
    (operator,) = document["operators"]
    assert (operator["uid"], operator["maxParallelism"]) == ("reader", 64)
    (state,) = operator["states"]
    assert (state["name"], state["entries"], state["own"]) == ("offsets", 3, False)


def test_what_is_no_savepoint_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["savepoint", "inspect", "nothing"]) == 1
    errors = capsys.readouterr().err
    assert "Failed to inspect the savepoint 'nothing'.\nCaused by: " in errors
    assert "the path does not exist" in errors
    assert main(["savepoint", "inspect"]) == 1
    assert "Specify the path of one savepoint" in capsys.readouterr().out
