"""What a configuration says of one reporter: ``metrics.reporter.<name>.*``, read with types and clear errors."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import timedelta
from typing import Final, TypeVar

from millstream.common.config.configuration import Configuration
from millstream.common.config.duration import DURATION
from millstream.common.config.metric_options import MetricOptions
from millstream.common.config.option import ConfigOption
from millstream.common.config.port_range import PORT_NUMBER, PORT_RANGE
from millstream.common.config.secret import shown
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, ValueKind
from millstream.common.errors import ConfigurationError
from millstream.common.metrics.metric_filter import MetricFilter
from millstream.common.metrics.metric_selection import MetricSelection
from millstream.common.metrics.scope_formats import ScopeFormats

__all__ = ["ReporterSettings"]

T = TypeVar("T")

_PREFIX: Final = "metrics.reporter."
_COMMON: Final = (
    MetricOptions.REPORTER_FACTORY_CLASS,
    MetricOptions.REPORTER_INTERVAL,
    MetricOptions.REPORTER_SCOPE_DELIMITER,
    MetricOptions.REPORTER_EXCLUDED_VARIABLES,
    MetricOptions.REPORTER_ADDITIONAL_VARIABLES,
    MetricOptions.REPORTER_INCLUDES,
    MetricOptions.REPORTER_EXCLUDES,
)


class ReporterSettings:
    """The settings of the reporter ``name``.

    :ivar name: what the user calls it.
    """

    __slots__ = ("_configuration", "name")

    def __init__(self, name: str, configuration: Configuration) -> None:
        self.name = name
        self._configuration = configuration

    @staticmethod
    def names(configuration: Configuration) -> list[str]:
        """The reporters to start: those that ``metrics.reporters`` lists, or all that anything is set of."""
        listed = configuration.get(MetricOptions.REPORTERS)
        if listed:
            return list(dict.fromkeys(name.strip() for name in listed))
        keys = (key for key in configuration.key_set() if key.startswith(_PREFIX))
        return sorted({key[len(_PREFIX) :].partition(".")[0] for key in keys})

    def key(self, parameter: str) -> str:
        """The full key of a parameter."""
        return MetricOptions.REPORTER_PARAMETER.option(self.name, parameter).key

    @property
    def factory_class(self) -> str:
        """What is set as the reporter's class.

        :raises ConfigurationError: nothing is.
        """
        option = MetricOptions.REPORTER_FACTORY_CLASS.option(self.name)
        given = self._configuration.get(option)
        if not given:
            raise ConfigurationError(
                f"The reporter {self.name!r} has no {option.key}: set it, to `prometheus` for example, or take "
                f"{self.name!r} out of the configuration."
            )
        return given.strip()

    @property
    def interval(self) -> timedelta:
        """Time between two reports.

        :raises ConfigurationError: there is none between them.
        """
        option = MetricOptions.REPORTER_INTERVAL.option(self.name)
        interval = self._configuration.get(option) or timedelta(0)
        if interval <= timedelta(0):
            raise ConfigurationError(f"{option.key}: must be longer than 0, such as 10 s.")
        return interval

    def delimiter(self, formats: ScopeFormats) -> str:
        """What parts the components of identifiers: the reporter's own, or everybody's."""
        option = MetricOptions.REPORTER_SCOPE_DELIMITER.option(self.name)
        own = self._configuration.get(option) if self._configuration.contains(option) else None
        return formats.delimiter if own is None else own

    def selection(self, formats: ScopeFormats) -> MetricSelection:
        """What the reporter reports of a dump.

        :raises ConfigurationError: a filter is none.
        """
        excluded = self._get(MetricOptions.REPORTER_EXCLUDED_VARIABLES.option(self.name), [])
        return MetricSelection(
            formats,
            self._filter(),
            frozenset(name.strip().strip("<>") for name in excluded),
            self._get(MetricOptions.REPORTER_ADDITIONAL_VARIABLES.option(self.name), {}),
        )

    def _filter(self) -> MetricFilter:
        read: list[list[str]] = []
        for template in (MetricOptions.REPORTER_INCLUDES, MetricOptions.REPORTER_EXCLUDES):
            option = template.option(self.name)
            read.append(self._get(option, []))
            try:
                MetricFilter.parse(read[-1], [])
            except ValueError as error:
                raise ConfigurationError(f"{option.key}: {error}.") from error
        return MetricFilter.parse(*read)

    def text(self, parameter: str, default: str) -> str:
        """A parameter that is text."""
        return self._parameter(parameter, STRING, default)

    def required(self, parameter: str, example: str) -> str:
        """A parameter that must be set.

        :raises ConfigurationError: it is not.
        """
        value = self.text(parameter, "").strip()
        if not value:
            raise ConfigurationError(
                f"The reporter {self.name!r} needs {self.key(parameter)}; set it, for example to {example}."
            )
        return value

    def truth(self, parameter: str, default: bool) -> bool:
        """A parameter that is true or false."""
        return self._parameter(parameter, BOOLEAN, default)

    def whole_number(self, parameter: str, default: int, minimum: int) -> int:
        """A parameter that is a whole number."""
        return self._parameter(parameter, IntegerKind(minimum), default)

    def port(self, parameter: str, default: int | None = None) -> int:
        """A parameter that is a port.

        :raises ConfigurationError: it is not set and has no default.
        """
        if default is None:
            self.required(parameter, "8125")
        return self._parameter(parameter, PORT_NUMBER, default or 0)

    def ports(self, parameter: str, default: str) -> str:
        """A parameter that is a port or a range of ports."""
        return self._parameter(parameter, PORT_RANGE, default)

    def duration(self, parameter: str, default: timedelta) -> timedelta:
        """A parameter that is a length of time.

        :raises ConfigurationError: it is 0.
        """
        value = self._parameter(parameter, DURATION, default)
        if value <= timedelta(0):
            raise self.wrong(parameter, "expected a time longer than 0, such as 10 s")
        return value

    def wrong(self, parameter: str, mend: str) -> ConfigurationError:
        """The error that says what a parameter should be."""
        value = shown(self.key(parameter), repr(self.text(parameter, "")))
        return ConfigurationError(f"{self.key(parameter)}: {value} is not a possible value; {mend}.")

    def check_parameters(self, known: Collection[str]) -> None:
        """See that nothing is set that the reporter does not know.

        :raises ConfigurationError: something is.
        """
        prefix = f"{_PREFIX}{self.name}."
        common = {template.option(self.name).key for template in _COMMON}
        for key in sorted(self._configuration.key_set()):
            parameter = key[len(prefix) :]
            if not key.startswith(prefix) or key in common or parameter in known:
                continue
            near = difflib.get_close_matches(parameter, known, n=1)
            mend = f"did you mean {prefix}{near[0]}?" if near else f"it knows {', '.join(sorted(known)) or 'none'}."
            raise ConfigurationError(f"{key}: the reporter has no such parameter; {mend}")

    def _parameter(self, parameter: str, kind: ValueKind[T], default: T) -> T:
        return self._configuration.get(ConfigOption(self.key(parameter), kind, default, ""))

    def _get(self, option: ConfigOption[T | None], default: T) -> T:
        value = self._configuration.get(option)
        return default if value is None else value
