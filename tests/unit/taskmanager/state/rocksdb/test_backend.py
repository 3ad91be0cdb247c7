"""What is this backend's own: copies, timers on disk, expired state that nobody reads, memory, missing libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from millstream.taskmanager.state.create import create_keyed_backend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.rocksdb import stored_timer_queue
from millstream.taskmanager.state.rocksdb.slot_memory import SlotMemory, slot_budget
from tests.unit.taskmanager.state.rocksdb.support import backend, settings


def test_programs_get_copies(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        of.key = "k"
        value: Any = of.get_state(ValueStateDescriptor("value"))
        mine = [1]
        value.update(mine)
        mine.append(2)
        value.value().append(3)
        assert value.value() == [1]
        mapping: Any = of.get_state(MapStateDescriptor("map"))
        mapping.put("x", mine)
        mapping.get("x").append(4)
        assert list(mapping.items()) == [("x", [1, 2])]


def test_state_without_a_key_and_what_cannot_be_pickled_is_refused_by_name(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        value: Any = of.get_state(ValueStateDescriptor("value"))
        items: Any = of.get_state(ListStateDescriptor("items", Types.INT()))
        mapping: Any = of.get_state(MapStateDescriptor("map"))
        total: Any = of.get_state(ReducingStateDescriptor("total", lambda a, b: a + b))
        uses: dict[str, list[Any]] = {
            "value": [value.value, lambda: value.update(1), value.clear],
            "items": [items.get, lambda: items.add(1), items.clear],
            "map": [lambda: mapping.get(1), lambda: mapping.put(1, 1), mapping.is_empty],
            "total": [total.get, lambda: total.add(1), total.clear],
        }
        for name, each in uses.items():
            for use in each:
                with pytest.raises(MillstreamError, match=rf"state '{name}': .*in open\(\)"):
                    use()
        of.key = "k"
        for put in (value.update, items.add, lambda bad: mapping.put("x", bad)):
            with pytest.raises(MillstreamError, match=r"for the key 'k' cannot be pickled .*make the rest anew"):
                put(sys._getframe())


def test_a_table_forgets_what_was_removed_before_that_is_written(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        table = of.value_table(" table")
        values = table.load(["k", "l"])
        values.update(k=1, l=2)
        table.store(["k", "l"])
        of.flush()
        del table.load(["k"])["k"]
        table.store(["k"])
        assert "k" not in table.load(["k", "l"])
        of.flush()
        assert "k" not in table.load(["k", "l"])
        assert values["l"] == 2


def test_a_table_may_be_larger_than_the_memory(tmp_path: Path) -> None:
    with backend(tmp_path, options={"state.backend.rocksdb.memory.fixed-per-slot": "1mb"}) as of:
        table = of.value_table(" table")
        expected: dict[int, int] = {}
        for turn in range(40):
            # Some keys are old and long unchanged, others new, so that there is to be room made for them.
            keys = [*range(0, 500, 5), *range(turn * 300, turn * 300 + 600)]
            values = table.load(keys)
            assert {key: values[key] for key in keys if key in values} == {
                key: expected[key] for key in keys if key in expected
            }
            for key in keys[turn % 3 :: 3]:
                values[key] = expected[key] = turn
            table.store(keys[turn % 3 :: 3])
        assert len(table.load(())) < len(expected) / 2


def test_timers_that_are_not_due_soon_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_FETCHED": 10, "_MOST_IN_MEMORY": 50, "_MOST_WAITING": 50, "_COUNT_EVERY": 1}.items():
        monkeypatch.setattr(stored_timer_queue, name, value)
    with backend(tmp_path) as of:
        queue = of.timers("t")
        for time in range(1_000, 0, -1):
            queue.register(time, f"k{time % 7}")
            of.end_batch()
            assert len(queue.buckets) <= 60
        assert len(queue) == 1_000
        queue.delete(990, f"k{990 % 7}")
        queue.register(-(2**70), "early")
        fired = [time for time, _, _ in queue.pop_due_keys(500)]
        assert fired == [-(2**70), *range(1, 501)]
        assert queue.first() == 501
        assert [time for time, _ in queue.pop_due(10**6)] == [*range(501, 990), *range(991, 1_001)]
        assert queue.first() is None


def test_what_has_expired_and_is_never_read_is_removed(tmp_path: Path) -> None:
    now = [0]
    config = StateTtlConfig.new_builder(Time.milliseconds(10)).build()
    value, items, mapping = ValueStateDescriptor("v"), ListStateDescriptor("l", Types.INT()), MapStateDescriptor("m")
    for descriptor in (value, items, mapping):
        descriptor.enable_time_to_live(config)
    with backend(tmp_path, now_ms=lambda: now[0]) as of:
        states: list[Any] = [of.get_state(each) for each in (value, items, mapping)]
        for key in range(500):
            now[0] = 0 if key % 2 else 8
            of.key = key
            states[0].update(key)
            states[1].add(key)
            states[2].put("x", key)
        of.flush()
        now[0] = 12
        for _ in range(20):
            of.clean_up_for_records(100)
        for name in "vlm":
            assert sorted(key for key, _ in of.keys_and_namespaces(name)) == list(range(0, 500, 2))


def test_memory_of_a_slot_is_shared_and_given_back(tmp_path: Path) -> None:
    configuration = settings(tmp_path).configuration
    first = SlotMemory.join("slot", configuration)
    alone = first.object_bytes()
    second = SlotMemory.join("slot", configuration)
    assert second.cache is first.cache
    assert first.object_bytes() * 2 == alone == 8 << 20
    other = SlotMemory.join("other", configuration)
    assert other.cache is not first.cache
    for share in (first, second, other, other):
        share.leave()
    assert {"slot", "other"}.isdisjoint(SlotMemory.in_use())


def test_how_much_memory_a_slot_has() -> None:
    assert slot_budget(Configuration()) == 512 << 20
    managed = {"taskmanager.memory.managed.size": "100mb", "taskmanager.numberOfTaskSlots": "4"}
    assert slot_budget(Configuration.from_map(managed)) == 25 << 20
    process = {"taskmanager.memory.process.size": "1000mb", "taskmanager.memory.managed.fraction": "0.5"}
    assert slot_budget(Configuration.from_map(process)) == 500 << 20
    fixed = {"state.backend.rocksdb.memory.fixed-per-slot": "7mb", "state.backend.rocksdb.memory.managed": "false"}
    assert slot_budget(Configuration.from_map(fixed)) == 7 << 20
    assert slot_budget(Configuration.from_map({"state.backend.rocksdb.memory.managed": "false"})) is None


@pytest.mark.parametrize(
    "options",
    [
        {"state.backend.rocksdb.memory.managed": "false", "state.backend.rocksdb.memory.fixed-per-slot": "0"},
        {"state.backend.rocksdb.predefined-options": "SPINNING_DISK_OPTIMIZED_HIGH_MEM"},
        {"state.backend.rocksdb.predefined-options": "FLASH_SSD_OPTIMIZED"},
        {"state.backend.rocksdb.compaction.style": "UNIVERSAL", "state.backend.rocksdb.writebuffer.count": "3"},
        {"state.backend.rocksdb.compaction.style": "NONE", "state.backend.rocksdb.block.blocksize": "16kb"},
        {
            "state.backend.rocksdb.use-bloom-filter": "false",
            "state.backend.rocksdb.compaction.level.max-size-level-base": "1mb",
            "state.backend.rocksdb.compaction.level.target-file-size-base": "1mb",
            "state.backend.rocksdb.writebuffer.size": "1mb",
            "state.backend.rocksdb.writebuffer.number-to-merge": "2",
        },
    ],
)
def test_options_of_rocksdb(tmp_path: Path, options: dict[str, str]) -> None:
    with backend(tmp_path, options=options) as of:
        state: Any = of.get_state(ValueStateDescriptor("v"))
        for key in range(100):
            of.key = key
            state.update(key)
        of.flush()
        assert sorted(of.keys("v")) == list(range(100))


def test_the_directory_is_where_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with backend(tmp_path / "slot", options={"state.backend.rocksdb.localdir": f"{tmp_path}/a,{tmp_path}/b"}):
        assert len(list((tmp_path / "a").iterdir())) == 1
        assert not (tmp_path / "slot").exists()
    with (
        pytest.raises(MillstreamError, match=r"set state.backend.rocksdb.localdir"),
        backend(tmp_path / "file" / "below"),
    ):
        pass


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    configuration = Configuration.from_map({"state.backend.type": "rocksdb"})
    with pytest.raises(ConfigurationError, match="pip install rocksdict"):
        create_keyed_backend(KeyedBackendSettings(configuration=configuration, directory=tmp_path))
    assert list(tmp_path.iterdir()) == []
