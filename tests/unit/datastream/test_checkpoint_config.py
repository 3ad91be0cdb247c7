"""What programs say about checkpoints is kept, and the log says what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from millstream.common import Configuration, Duration
from millstream.common.errors import ConfigurationError, InvalidProgramError
from millstream.datastream import (
    CheckpointConfig,
    CheckpointingMode,
    CustomCheckpointStorage,
    CustomStateBackend,
    EmbeddedRocksDBStateBackend,
    ExternalizedCheckpointCleanup,
    ExternalizedCheckpointRetention,
    FileSystemCheckpointStorage,
    FsStateBackend,
    HashMapStateBackend,
    JobManagerCheckpointStorage,
    MemoryStateBackend,
    PredefinedOptions,
    RocksDBStateBackend,
    StateBackend,
    StreamExecutionEnvironment,
)
from tests.unit.datastream.conftest import RecordingExecutor


def test_defaults() -> None:
    config = CheckpointConfig()
    assert not config.is_checkpointing_enabled()
    assert config.get_checkpoint_interval() == -1
    assert config.get_checkpointing_mode() is CheckpointingMode.EXACTLY_ONCE
    assert config.get_checkpoint_timeout() == 600_000
    assert config.get_min_pause_between_checkpoints() == 0
    assert config.get_max_concurrent_checkpoints() == 1
    assert config.get_tolerable_checkpoint_failure_number() == 0
    assert config.is_fail_on_checkpointing_errors()
    assert not config.is_externalized_checkpoints_enabled()
    retention = config.get_externalized_checkpoint_retention()
    assert retention is ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS
    assert not config.is_unaligned_checkpoints_enabled()
    assert not config.is_force_unaligned_checkpoints()
    assert config.get_alignment_timeout() == Duration.of_millis(0)
    assert config.get_checkpoint_storage() is None


def test_settings_are_those_of_the_configuration() -> None:
    settings = Configuration()
    config = CheckpointConfig(settings)
    config.set_checkpoint_interval(1000).set_checkpointing_mode(CheckpointingMode.AT_LEAST_ONCE)
    config.set_checkpoint_timeout(2000).set_min_pause_between_checkpoints(30).set_max_concurrent_checkpoints(2)
    config.set_tolerable_checkpoint_failure_number(4).enable_unaligned_checkpoints()
    config.set_aligned_checkpoint_timeout(Duration.of_seconds(5)).set_force_unaligned_checkpoints()
    config.set_externalized_checkpoint_retention(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION)
    config.set_checkpoint_storage_dir("file:///tmp/checkpoints/")
    assert settings.to_map() == {
        "execution.checkpointing.interval": "1 s",
        "execution.checkpointing.mode": "AT_LEAST_ONCE",
        "execution.checkpointing.timeout": "2 s",
        "execution.checkpointing.min-pause": "30 ms",
        "execution.checkpointing.max-concurrent-checkpoints": "2",
        "execution.checkpointing.tolerable-failed-checkpoints": "4",
        "execution.checkpointing.unaligned.enabled": "true",
        "execution.checkpointing.aligned-checkpoint-timeout": "5 s",
        "execution.checkpointing.unaligned.forced": "true",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": "file:///tmp/checkpoints",
    }
    again = CheckpointConfig(settings)
    assert again.is_checkpointing_enabled()
    assert again.get_checkpoint_interval() == 1000
    assert again.get_checkpointing_consistency_mode() is CheckpointingMode.AT_LEAST_ONCE
    assert again.get_checkpoint_timeout() == 2000
    assert again.get_min_pause_between_checkpoints() == 30
    assert again.get_max_concurrent_checkpoints() == 2
    assert again.get_tolerable_checkpoint_failure_number() == 4
    assert not again.is_fail_on_checkpointing_errors()
    assert again.is_unaligned_checkpoints_enabled()
    assert not again.disable_unaligned_checkpoints().is_unaligned_checkpoints_enabled()
    assert again.get_aligned_checkpoint_timeout() == Duration.of_seconds(5)
    assert again.is_force_unaligned_checkpoints()
    assert again.is_externalized_checkpoints_enabled()
    assert again.get_externalized_checkpoint_cleanup() is ExternalizedCheckpointCleanup.RETAIN_ON_CANCELLATION
    storage = again.get_checkpoint_storage()
    assert isinstance(storage, FileSystemCheckpointStorage)
    assert storage.get_checkpoint_path() == "file:///tmp/checkpoints"


def test_older_names() -> None:
    config = CheckpointConfig()
    config.enable_externalized_checkpoints(ExternalizedCheckpointCleanup.DELETE_ON_CANCELLATION)
    retention = config.get_externalized_checkpoint_retention()
    assert retention is ExternalizedCheckpointRetention.DELETE_ON_CANCELLATION
    config.set_fail_on_checkpointing_errors(False)
    assert config.get_tolerable_checkpoint_failure_number() == 2**31 - 1
    config.set_fail_on_checkpointing_errors(True)
    assert config.get_tolerable_checkpoint_failure_number() == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.set_checkpoint_interval(9),
        lambda c: c.set_checkpoint_interval(-1),
        lambda c: c.set_checkpoint_timeout(0),
        lambda c: c.set_min_pause_between_checkpoints(-1),
        lambda c: c.set_max_concurrent_checkpoints(0),
        lambda c: c.set_tolerable_checkpoint_failure_number(-1),
        lambda c: FileSystemCheckpointStorage(None),
        lambda c: FileSystemCheckpointStorage("/tmp", 2 * 1024 * 1024),
        lambda c: FsStateBackend(None),
        lambda c: RocksDBStateBackend(None),
        lambda c: EmbeddedRocksDBStateBackend().set_number_of_transfer_threads(0),
    ],
)
def test_values_out_of_bounds(call: Callable[[CheckpointConfig], Any]) -> None:
    with pytest.raises(ValueError, match=r"must|required|at least"):
        call(CheckpointConfig())


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.set_checkpoint_interval("1 s"),
        lambda c: c.set_checkpoint_interval(True),
        lambda c: c.set_checkpointing_mode("EXACTLY_ONCE"),
        lambda c: c.set_externalized_checkpoint_retention(ExternalizedCheckpointCleanup.DELETE_ON_CANCELLATION),
        lambda c: c.set_checkpoint_storage("file:///tmp"),
        lambda c: FileSystemCheckpointStorage(5),  # type: ignore[arg-type]  # that is what the test is about
        lambda c: EmbeddedRocksDBStateBackend().set_predefined_options("DEFAULT"),  # type: ignore[arg-type]  # that is what the test is about
        lambda c: EmbeddedRocksDBStateBackend().set_db_storage_paths(["/tmp"]),  # type: ignore[arg-type]  # that is what the test is about
    ],
)
def test_values_of_another_kind(call: Callable[[CheckpointConfig], Any]) -> None:
    with pytest.raises(TypeError):
        call(CheckpointConfig())


def test_storages() -> None:
    in_memory = JobManagerCheckpointStorage("file:///meta", 1000)
    assert (in_memory.get_checkpoint_path(), in_memory.get_max_state_size()) == ("file:///meta", 1000)
    assert JobManagerCheckpointStorage().get_max_state_size() == JobManagerCheckpointStorage.DEFAULT_MAX_STATE_SIZE
    in_files = FileSystemCheckpointStorage("/data", 2048, 100)
    assert (in_files.get_min_file_size_threshold(), in_files.get_write_buffer_size()) == (2048, 100)
    plain = FileSystemCheckpointStorage("/data")
    assert (plain.get_min_file_size_threshold(), plain.get_write_buffer_size()) == (20 << 10, 4096)
    assert in_memory.get_savepoint_path() is None
    assert in_files.get_savepoint_path() is None
    config = CheckpointConfig().set_checkpoint_storage(in_memory)
    assert config.get_checkpoint_storage() is in_memory
    settings = Configuration()
    in_memory.write_to(settings)
    kept = CheckpointConfig(settings).get_checkpoint_storage()
    assert isinstance(kept, JobManagerCheckpointStorage)
    assert kept.get_max_state_size() == 1000
    with pytest.raises(ConfigurationError, match="use FileSystemCheckpointStorage"):
        CustomCheckpointStorage("my.Factory").write_to(settings)


def _settings_of(backend: StateBackend) -> dict[str, str]:
    settings = Configuration()
    backend.write_to(settings)
    return settings.to_map()


def test_state_backends() -> None:
    assert _settings_of(HashMapStateBackend()) == {"state.backend.type": "hashmap"}
    rocksdb = EmbeddedRocksDBStateBackend(True)
    rocksdb.set_db_storage_paths("/a", "/b")
    rocksdb.set_predefined_options(PredefinedOptions.FLASH_SSD_OPTIMIZED)
    rocksdb.set_options("my.OptionsFactory")
    rocksdb.set_number_of_transfer_threads(8)
    assert _settings_of(rocksdb) == {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "state.backend.rocksdb.localdir": "/a,/b",
        "state.backend.rocksdb.predefined-options": "FLASH_SSD_OPTIMIZED",
        "state.backend.rocksdb.checkpoint.transfer.thread.num": "8",
    }
    assert rocksdb.get_db_storage_paths() == ["/a", "/b"]
    assert rocksdb.is_incremental_checkpoints_enabled()
    assert rocksdb.get_predefined_options() is PredefinedOptions.FLASH_SSD_OPTIMIZED
    assert rocksdb.get_options() == "my.OptionsFactory"
    assert rocksdb.get_number_of_transfer_threads() == 8
    with pytest.raises(ConfigurationError, match=r"no state backend 'my.Backend'.*EmbeddedRocksDBStateBackend"):
        _settings_of(CustomStateBackend("my.Backend"))


def test_older_state_backends() -> None:
    memory = MemoryStateBackend(None, "/savepoints", 10, False)
    assert (memory.get_max_state_size(), memory.is_using_asynchronous_snapshots()) == (10, False)
    assert _settings_of(memory) == {
        "state.backend.type": "hashmap",
        "execution.checkpointing.storage": "jobmanager",
        "execution.checkpointing.jobmanager-max-state-size": "10 bytes",
        "execution.checkpointing.savepoint-dir": "/savepoints",
    }
    files = FsStateBackend("file:///c", "/savepoints", 5, 6)
    assert (files.get_checkpoint_path(), files.get_min_file_size_threshold(), files.get_write_buffer_size()) == (
        "file:///c",
        5,
        6,
    )
    assert files.is_using_asynchronous_snapshots()
    rocksdb = RocksDBStateBackend("file:///c", True)
    assert isinstance(rocksdb.get_checkpoint_backend(), FsStateBackend)
    rocksdb.set_number_of_transfering_threads(2)
    assert rocksdb.get_number_of_transfering_threads() == 2
    assert _settings_of(rocksdb) == {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": "file:///c",
        "execution.checkpointing.incremental": "true",
        "state.backend.rocksdb.checkpoint.transfer.thread.num": "2",
    }
    assert RocksDBStateBackend(checkpoint_stream_backend=memory).get_checkpoint_backend() is memory


def test_names_and_defaults_of_older_programs() -> None:
    config = CheckpointConfig()
    assert config.get_checkpointing_mode() is CheckpointConfig.DEFAULT_MODE
    assert config.get_checkpoint_timeout() == CheckpointConfig.DEFAULT_TIMEOUT
    assert config.get_min_pause_between_checkpoints() == CheckpointConfig.DEFAULT_MIN_PAUSE_BETWEEN_CHECKPOINTS
    assert config.get_max_concurrent_checkpoints() == CheckpointConfig.DEFAULT_MAX_CONCURRENT_CHECKPOINTS
    backend = RocksDBStateBackend("file:///checkpoints")
    assert backend.is_ttl_compaction_filter_enabled()
    backend.disable_ttl_compaction_filter()
    assert not backend.is_ttl_compaction_filter_enabled()
    backend.set_db_storage_paths("file:///fast/disk/", "/other")
    assert backend.get_db_storage_paths() == ["/fast/disk", "/other"]


def test_the_environment(env: StreamExecutionEnvironment) -> None:
    assert env.get_checkpoint_interval() == -1
    assert env.enable_checkpointing(5000, CheckpointingMode.AT_LEAST_ONCE) is env
    assert env.get_checkpoint_config().get_checkpoint_interval() == env.get_checkpoint_interval() == 5000
    assert env.get_checkpointing_mode() is env.get_checkpointing_consistency_mode() is CheckpointingMode.AT_LEAST_ONCE
    env.get_checkpoint_config().enable_unaligned_checkpoints()
    assert env.is_unaligned_checkpoints_enabled()
    assert not env.is_force_unaligned_checkpoints()
    assert env.get_state_backend() is None
    for name, kind in {"jobmanager": MemoryStateBackend, "rocksdb": EmbeddedRocksDBStateBackend}.items():
        env.configure(Configuration().set_string("state.backend", name))
        assert isinstance(env.get_state_backend(), kind)
    backend = EmbeddedRocksDBStateBackend()
    assert env.set_state_backend(backend).get_state_backend() is backend
    with pytest.raises(TypeError):
        env.set_state_backend("rocksdb")  # type: ignore[arg-type]  # that is what the test is about
    assert env.is_changelog_state_backend_enabled() is None
    assert env.enable_changelog_state_backend(False).is_changelog_state_backend_enabled() is False
    assert env.get_default_savepoint_directory() is None
    assert env.set_default_savepoint_directory("/s").get_default_savepoint_directory() == "/s"


def test_the_log_says_once_what_has_no_effect(
    env: StreamExecutionEnvironment, executor: RecordingExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    env.enable_checkpointing(5000).set_state_backend(EmbeddedRocksDBStateBackend())
    env.enable_changelog_state_backend(True)
    env.from_sequence(1, 2).print()
    with caplog.at_level(logging.WARNING, logger="millstream"):
        env.execute("counts")
    [record] = caplog.records
    assert record.getMessage() == ("Job counts: changes of state are not logged: there is no changelog state backend.")
    assert executor.graphs[0].configuration["execution.checkpointing.interval"] == "5 s"


def test_the_log_says_nothing_where_nothing_is_asked_for(
    env: StreamExecutionEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    env.set_state_backend(HashMapStateBackend())
    env.configure(Configuration().set_string("execution.checkpointing.interval", "0 ms"))
    env.from_sequence(1, 2).print()
    with caplog.at_level(logging.WARNING, logger="millstream"):
        env.execute()
    assert caplog.records == []
    assert timedelta(0) == timedelta(milliseconds=max(env.get_checkpoint_interval(), 0))


@pytest.mark.parametrize(
    ("call", "mend"),
    [
        (lambda e: e.register_cached_file("/tmp/model", "model"), "add_python_archive"),
        (lambda e: e.create_input(object()), "from_source"),
        (lambda e: e.from_sequence(1, 2).key_by(lambda v: v).cache(), "before key_by"),
        (lambda e: e.from_sequence(1, 2).cache().set_parallelism(2), "before cache"),
        (lambda e: e.from_sequence(1, 2).cache().cache(), "cached already"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_mend(
    env: StreamExecutionEnvironment, call: Callable[[StreamExecutionEnvironment], Any], mend: str
) -> None:
    with pytest.raises(InvalidProgramError, match=mend) as caught:
        call(env)
    assert str(caught.value).startswith(f"{__file__}:")


def test_a_cached_stream_can_be_used_in_several_jobs(
    env: StreamExecutionEnvironment, executor: RecordingExecutor
) -> None:
    cached = env.from_sequence(1, 2).map(lambda v: v).cache()
    for _ in range(2):
        cached.filter(bool).print()
        env.execute()
        cached.invalidate()
    first, second = (
        [operator.name for vertex in graph.vertices for operator in vertex.operators] for graph in executor.graphs
    )
    assert first == second


def test_registrations_of_java_classes_are_kept(env: StreamExecutionEnvironment) -> None:
    env.register_type("my.Type")
    env.add_default_kryo_serializer("my.Type", "my.Serializer")
    env.register_type_with_kryo_serializer("my.Other", "my.Serializer")
    config = env.get_config()
    assert config.get_default_kryo_serializer_classes() == {"my.Type": "my.Serializer"}
    assert config.get_registered_types_with_kryo_serializer_classes() == {"my.Other": "my.Serializer"}
