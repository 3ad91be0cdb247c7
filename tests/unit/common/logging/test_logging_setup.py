"""What a process logs is read from its configuration; a wrong one is told with what to mend."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.logging import LogFiles, LoggingSetup, active_setup
from millstream.common.logging import logging_setup as module

SHIPPED = Path(__file__).resolve().parents[4] / "deploy" / "conf" / "logging.yaml"


@pytest.fixture
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets a test set up the logging of this process, and puts it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(logging, "_handlers", logging._handlers.copy())  # type: ignore[attr-defined]
    monkeypatch.setattr(logging, "_handlerList", [])
    monkeypatch.setattr(module, "_active", None)
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    directory = tmp_path / "conf"
    directory.mkdir()
    (directory / "config.yaml").write_text("")
    return directory


def read(conf: Path, settings: dict[str, str] | None = None, **environment: str) -> LoggingSetup:
    return LoggingSetup.read(Configuration.from_map(settings or {}), {"MILLSTREAM_CONF_DIR": str(conf), **environment})


def test_the_shipped_file_is_the_default(conf: Path) -> None:
    for settings in ({}, {"env.log.format": "json", "env.log.max": "3", "env.log.level": "WARN"}):
        default = read(conf, settings, MILLSTREAM_LOG_FILE="/x/y.log")
        (conf / "logging.yaml").write_text(SHIPPED.read_text())
        shipped = read(conf, settings, MILLSTREAM_LOG_FILE="/x/y.log")
        (conf / "logging.yaml").unlink()
        shipped.tree["handlers"]["log"].pop("max_bytes")
        assert shipped.tree == default.tree
        assert shipped.file == default.file == "/x/y.log"


def test_the_environment_wins_and_the_path_is_taken_out_of_it(conf: Path) -> None:
    environment = {
        "MILLSTREAM_CONF_DIR": str(conf),
        "MILLSTREAM_LOG_FILE": "/x/y.log",
        "MAX_LOG_FILE_NUMBER": "4",
        "ROOT_LOG_LEVEL": "trace",
    }
    setup = LoggingSetup.read(Configuration.from_map({"env.log.max": "7", "env.log.level": "ERROR"}), environment)
    assert setup.tree["handlers"]["log"]["max_files"] == 4
    assert setup.tree["root"]["level"] == "DEBUG"
    assert "MILLSTREAM_LOG_FILE" not in environment


@pytest.mark.parametrize(
    ("variable", "value"), [("MAX_LOG_FILE_NUMBER", "many"), ("MAX_LOG_FILE_NUMBER", "-1"), ("ROOT_LOG_LEVEL", "LOUD")]
)
def test_a_wrong_variable_is_named(conf: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"environment's {variable}: .*{value}"):
        read(conf, {}, **{variable: value})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("root: {level: [", r"logging\.yaml, line 1: this is not YAML"),
        ("just words", r"expected the sections version, formatters"),
        ("", r"expected the sections"),
        ("handler: {}", r"no section 'handler'; there are version, formatters, filters, handlers"),
        ("root: {level: '${log.levl}'}", r"nothing called \$\{log\.levl\}; there are \$\{log\.file\}"),
        ("root: {level: '${env:NOT_SET}'}", r"no variable NOT_SET; set it, or write \$\{env:NOT_SET:-otherwise\}"),
    ],
)
def test_a_wrong_file_is_named_with_its_mend(conf: Path, text: str, told: str) -> None:
    (conf / "logging.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=told) as raised:
        read(conf)
    assert str(conf / "logging.yaml") in str(raised.value)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"root": {"level": "LOUD"}}, r"root.*: Unknown level: 'LOUD'"),
        ({"handlers": {"h": {"class": "no.such.Handler"}}}, r"handler 'h'.*no"),
        ({"root": {"handlers": ["h"]}}, "h"),
        (
            {"handlers": {"h": {"class": "millstream.common.logging.LogHandler", "filename": "/proc/none/x.log"}}},
            r"handler 'h'.*No such file or directory: '/proc/none/x\.log'",
        ),
    ],
)
@pytest.mark.usefixtures("own_logging")
def test_what_cannot_be_applied_is_told(conf: Path, tree: dict[str, object], told: str) -> None:
    (conf / "logging.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigurationError, match=told) as raised:
        read(conf).apply()
    assert str(raised.value).startswith(str(conf / "logging.yaml"))
    assert "docs/logging.md" in str(raised.value)


def test_placeholders_may_stand_within_texts(conf: Path) -> None:
    (conf / "logging.yaml").write_text(
        "root: {level: '${env:LEVEL:-ERROR}'}\n"
        "loggers: {a: {level: 'x${log.max}${env:B}y', handlers: ['${log.format}']}}\n"
    )
    tree = read(conf, {}, B="b").tree
    assert tree["root"]["level"] == "ERROR"
    assert tree["loggers"]["a"] == {"level": "x10by", "handlers": ["text"]}
    assert tree["version"] == 1
    assert tree["disable_existing_loggers"] is False


def test_a_directory_called_conf_of_some_program_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "logging.yaml").write_text("not: ours")
    assert LoggingSetup.read(Configuration(), {}).source == "the default set-up"
    (tmp_path / "conf" / "config.yaml").write_text("")
    with pytest.raises(ConfigurationError, match="no section 'not'"):
        LoggingSetup.read(Configuration(), {})


def test_it_travels_to_workers_as_it_is(conf: Path) -> None:
    setup = read(conf, {"env.log.max": "3"}, MILLSTREAM_LOG_FILE="/x/y.log")
    assert LoggingSetup.from_text(setup.to_text()) == setup
    (conf / "logging.yaml").write_text("loggers: {a: {level: 2026-01-01}}")
    with pytest.raises(ConfigurationError, match="write it as text, in quotes"):
        read(conf).to_text()


@pytest.mark.usefixtures("own_logging")
def test_records_go_to_the_file_in_the_usual_format(conf: Path, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    setup = read(conf, {"env.log.level": "WARNING"}, MILLSTREAM_LOG_FILE=str(log))
    setup.apply()
    assert active_setup() is setup
    logging.getLogger("my.app").info("not shown")
    logging.getLogger("my.app").warning("shown")
    assert log.read_text().endswith(" WARNING my.app - shown\n")
    assert log.read_text().count("\n") == 1
    assert [file.name for file in LogFiles.of_master(Configuration()).list()] == ["x.log"]
    other = Configuration.from_map({"web.log.path": str(tmp_path / "other.log")})
    assert LogFiles.of_master(other).list() == []


@pytest.mark.usefixtures("own_logging")
def test_a_worker_tells_its_process(conf: Path, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    read(conf, {}, MILLSTREAM_LOG_FILE=str(log)).apply(in_worker=True)
    record = logging.makeLogRecord({"name": "a", "levelno": 20, "levelname": "INFO", "msg": "m", "process": 12})
    logging.getLogger().handle(record)
    assert log.read_text().endswith(" INFO    a [12] - m\n")


@pytest.mark.usefixtures("own_logging")
def test_json_has_an_object_on_each_line(conf: Path, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    read(conf, {"env.log.format": "json"}, MILLSTREAM_LOG_FILE=str(log)).apply()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("my.app").exception("failed %s", "é", extra={"order": 7, "job_id": "mine", "what": object})
    (line,) = log.read_text().splitlines()
    told = json.loads(line)
    assert told["message"] == "failed é"
    assert (told["level"], told["logger"], told["thread"]) == ("ERROR", "my.app", "MainThread")
    assert told["exception"].endswith("ValueError: two\nlines")
    assert told["extra"] == {"order": 7, "what": "<class 'object'>"}
    assert told["job_id"] == "mine", "what the call gave stays"
    assert "task_name" not in told
    assert told["timestamp"].endswith("Z")


def test_a_worker_of_a_program_that_was_not_set_up_logs_to_the_console() -> None:
    tree = LoggingSetup.to_console(logging.ERROR).tree
    assert tree["handlers"]["log"]["filename"] == ""
    assert tree["root"]["level"] == logging.ERROR
