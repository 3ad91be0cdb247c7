"""The master's process."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Message

__all__ = ["ConfigurationEntry", "EnvironmentInfo", "LogUrl", "RuntimeInfo"]


class ConfigurationEntry(Message):
    """A setting; the values of secrets are masked."""

    key: str
    value: str


class RuntimeInfo(Message):
    """What runs the process: under Flink's name of a JVM, the Python interpreter.

    :ivar options: of its command line, secrets masked.
    """

    version: str
    arch: str
    options: list[str]


class EnvironmentInfo(Message):
    """What runs the process, and where it finds its modules."""

    jvm: RuntimeInfo
    classpath: list[str]


class LogUrl(Message):
    """Where the log can be read."""

    url: str
