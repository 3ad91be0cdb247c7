"""Settings of checkpoints, under Flink's keys."""

from __future__ import annotations

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.jobmanager.checkpoint.settings import CheckpointSettings, Retention


def read(**settings: str) -> CheckpointSettings:
    keys = {f"execution.checkpointing.{key.replace('_', '-')}": value for key, value in settings.items()}
    return CheckpointSettings.from_configuration(Configuration.from_map(keys))


def test_defaults() -> None:
    assert read() == CheckpointSettings()
    assert not read().enabled


def test_all_are_read() -> None:
    settings = CheckpointSettings.from_configuration(
        Configuration.from_map(
            {
                "execution.checkpointing.interval": "10 s",
                "execution.checkpointing.mode": "AT_LEAST_ONCE",
                "execution.checkpointing.timeout": "1 min",
                "execution.checkpointing.min-pause": "500 ms",
                "execution.checkpointing.max-concurrent-checkpoints": "3",
                "execution.checkpointing.tolerable-failed-checkpoints": "2",
                "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
                "execution.checkpointing.num-retained": "4",
                "execution.checkpointing.incremental": "true",
                "execution.checkpointing.checkpoints-after-tasks-finish": "false",
                "execution.checkpointing.dir": "file:///checkpoints",
                "execution.checkpointing.savepoint-dir": "file:///savepoints",
                "web.checkpoints.history": "5",
                "execution.state-recovery.ignore-unclaimed-state": "true",
            }
        )
    )
    assert settings == CheckpointSettings(
        interval_ms=10_000,
        exactly_once=False,
        timeout_ms=60_000,
        min_pause_ms=500,
        max_concurrent=3,
        tolerable_failures=2,
        retention=Retention.RETAIN_ON_CANCELLATION,
        num_retained=4,
        incremental=True,
        after_tasks_finish=False,
        directory="file:///checkpoints",
        savepoint_directory="file:///savepoints",
        history_size=5,
        allow_unclaimed_state=True,
    )
    assert settings.enabled


def test_unaligned_checkpoints_come_one_at_a_time() -> None:
    keys = {"execution.checkpointing.unaligned.enabled": "true", "execution.checkpointing.mode": "EXACTLY_ONCE"}
    keys["execution.checkpointing.max-concurrent-checkpoints"] = "3"
    keys["execution.checkpointing.aligned-checkpoint-timeout"] = "50 ms"
    settings = CheckpointSettings.from_configuration(Configuration.from_map(keys))
    assert (settings.unaligned, settings.max_concurrent, settings.aligned_timeout_ms) == (True, 1, 50)
    keys["execution.checkpointing.mode"] = "AT_LEAST_ONCE"
    settings = CheckpointSettings.from_configuration(Configuration.from_map(keys))
    assert (settings.unaligned, settings.max_concurrent) == (False, 3)


def test_storage() -> None:
    assert read(dir="file:///c").directory == "file:///c"
    assert read(dir="file:///c", storage="jobmanager").directory == ""
    assert read(dir="file:///c", storage="filesystem").directory == "file:///c"
    with pytest.raises(ConfigurationError, match=r"execution\.checkpointing\.dir"):
        read(storage="filesystem")
    with pytest.raises(ConfigurationError, match="'tape'"):
        read(storage="tape")


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        read(timeout="0 ms")
