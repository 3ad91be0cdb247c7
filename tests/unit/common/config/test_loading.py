"""Loading: config.yaml and dynamic properties, and what their mistakes are answered with."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest

from millstream.common.config import (
    Configuration,
    CoreOptions,
    EnvOptions,
    MetricOptions,
    PipelineOptions,
    PythonOptions,
    RpcOptions,
    TaskManagerOptions,
    load_configuration,
    parse_dynamic_properties,
)
from millstream.common.errors import ConfigurationError


def _load(tmp_path: Path, text: str, **dynamic: str) -> Configuration:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    return load_configuration(tmp_path, dynamic)


def _refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "config.yaml"))
    return message.removeprefix(str(tmp_path / "config.yaml"))


def test_keys_may_be_nested_flat_or_both(tmp_path: Path) -> None:
    configuration = _load(
        tmp_path,
        """
# a comment
taskmanager:
  numberOfTaskSlots: 4
  network.memory:
    buffers-per-channel: 3
taskmanager.memory.segment-size: 64 kb
python:
  files: [a.py, b.py]
pipeline:
  global-job-parameters:
    in: x,y
    out: z
restart-strategy: fixed-delay
restart-strategy.fixed-delay.attempts: 3
""",
    )
    assert configuration.get(TaskManagerOptions.NUM_TASK_SLOTS) == 4
    assert configuration.get(TaskManagerOptions.BUFFERS_PER_CHANNEL) == 3
    assert configuration.get(TaskManagerOptions.MEMORY_SEGMENT_SIZE) == 65536
    assert configuration.get(PythonOptions.FILES) == ["a.py", "b.py"]
    assert configuration.get(PipelineOptions.GLOBAL_JOB_PARAMETERS) == {"in": "x,y", "out": "z"}


def test_scalars_are_taken_as_they_are_written(tmp_path: Path) -> None:
    # YAML 1.1 would read these as a number in base 60, a boolean and an octal number.
    text = "taskmanager:\n  host: on\n  resource-id: 0010\nenv.ssh.opts: '-p 22'\njobmanager.rpc.address: 1:30\n"
    settings = _load(tmp_path, text).to_map()
    assert settings["taskmanager.host"] == "on"
    assert settings["taskmanager.resource-id"] == "0010"
    assert settings["env.ssh.opts"] == "-p 22"
    assert settings["jobmanager.rpc.address"] == "1:30"


def test_a_file_of_comments_and_empty_sections_sets_nothing(tmp_path: Path) -> None:
    assert _load(tmp_path, "# nothing\n").to_map() == {}
    assert _load(tmp_path, "taskmanager:\n  # numberOfTaskSlots: 4\nenv:\n").to_map() == {}


def test_an_unknown_key_names_its_place_and_the_nearest_known_key(tmp_path: Path) -> None:
    message = _refusal(tmp_path, "taskmanager:\n  memory.segment-size: 32kb\n  numberOfTaskSlot: 4\n")
    assert message == (
        ", line 3: there is no configuration key taskmanager.numberOfTaskSlot; "
        "did you mean taskmanager.numberOfTaskSlots?"
    )
    assert "did you mean heartbeat.interval?" in _refusal(tmp_path, "hearbeat.intervall: 3 s\n")
    assert "did you mean taskmanager.numberOfTaskSlots?" in _refusal(tmp_path, "cluster.numberOfTaskSlots: 3\n")
    assert "docs/configuration.md lists all keys" in _refusal(tmp_path, "zzz: 1\n")


def test_a_bad_value_names_its_place_and_what_is_expected(tmp_path: Path) -> None:
    message = _refusal(tmp_path, "a: &x 1\n".replace("a: &x 1\n", "heartbeat:\n  interval: soon\n"))
    assert message.startswith(", line 2: heartbeat.interval has the value 'soon'; expected a duration such as '10 s'")
    assert "expected a whole number of at least 1" in _refusal(tmp_path, "parallelism.default: 0\n")
    assert "expected one of process, thread" in _refusal(tmp_path, "local.execution: fibre\n")


def test_a_bad_secret_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(None, {"metrics.reporter.x.tokenn": "hush", "zzz.password": "hush"})
    assert "hush" not in str(caught.value)


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    message = _refusal(tmp_path, "taskmanager:\n  host: a\nparallelism.default: 1\ntaskmanager.host: b\n")
    assert message == f", line 4: taskmanager.host is set twice, first in {path}, line 2; remove one."
    assert ", line 2: parallelism is" not in _refusal(tmp_path, "parallelism.default: 1\nparallelism.default: 1\n")


def test_a_known_key_without_a_value_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path, "parallelism:\n  default:\n") == (
        ", line 2: parallelism.default has no value; give it one or remove the line."
    )
    assert "there is no configuration key paralellism" in _refusal(tmp_path, "paralellism:\n")


def test_what_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    assert re.match(r", line 2: this is not YAML", _refusal(tmp_path, "a: b\n\tc: d\n"))
    assert "expected 'key: value' lines" in _refusal(tmp_path, "- a\n- b\n")
    assert "found a nested one" in _refusal(tmp_path, "python.files: [[a]]\n")


def test_a_dynamic_property_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("pekko.ask.timeout: 1 s\nparallelism.default: 2\n")
    configuration = load_configuration(tmp_path, {"akka.ask.timeout": "5 s"})
    assert configuration.get(RpcOptions.ASK_TIMEOUT) == timedelta(seconds=5)
    assert configuration.get(CoreOptions.DEFAULT_PARALLELISM) == 2


def test_a_wrong_dynamic_property_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    with pytest.raises(
        ConfigurationError, match=r"^-Dparallelism\.defalt=3: there is no .* did you mean parallelism\.def"
    ):
        load_configuration(None, {"parallelism.defalt": "3"})
    with pytest.raises(ConfigurationError, match=r"^-Dparallelism\.default=x: parallelism\.default has the value 'x'"):
        load_configuration(None, {"parallelism.default": "x"})


def test_dynamic_properties_are_key_and_value() -> None:
    assert parse_dynamic_properties(["a=1", " b = x=y ", "c", "a=2"]) == {"a": "2", "b": "x=y", "c": "true"}
    with pytest.raises(ConfigurationError, match="the key is missing"):
        parse_dynamic_properties(["=1"])


def test_the_environment_names_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLSTREAM_CONF_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"does not exist, but the environment's MILLSTREAM_CONF_DIR is"):
        load_configuration()
    (tmp_path / "config.yaml").write_text("env.log.level: warn\n")
    assert load_configuration().get(EnvOptions.LOG_LEVEL) == "WARNING"


def test_conf_in_the_working_directory_is_read_where_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert load_configuration().to_map() == {}
    (tmp_path / "conf").mkdir()
    assert load_configuration().to_map() == {}
    (tmp_path / "conf" / "config.yaml").write_text("parallelism: {default: 3}\n")
    assert load_configuration().get(CoreOptions.DEFAULT_PARALLELISM) == 3


def test_families_are_known_keys(tmp_path: Path) -> None:
    text = "metrics:\n  reporter:\n    prom:\n      interval: 3 s\n      port: 9250-9260\nfs.s3.limit.input: 5\n"
    configuration = _load(tmp_path, text)
    assert configuration.get(MetricOptions.REPORTER_INTERVAL.option("prom")) == timedelta(seconds=3)
    assert configuration.get(MetricOptions.REPORTER_PARAMETER.option("prom", "port")) == "9250-9260"
    assert "expected a duration" in _refusal(tmp_path, "metrics.reporter.prom.interval: often\n")


def test_a_key_without_effect_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _load(tmp_path, "security.ssl.internal.enabled: false\nenv.java.opts: -Xmx1g\nparallelism.default: 2\n")
    assert [(record.levelname, record.message.partition(": ")[2]) for record in caplog.records] == [
        ("WARNING", "security.ssl.internal.enabled is accepted but has no effect in this version."),
        ("INFO", "env.java.opts concerns a JVM and is ignored."),
    ]
