"""Log records as JSON, one object on each line, for programs that collect logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from millstream.common.logging.task_fields import FIELDS

__all__ = ["JsonFormatter"]

_STANDARD = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "origin", *FIELDS))


class JsonFormatter(logging.Formatter):
    """The keys: ``timestamp`` (ISO 8601, UTC, milliseconds), ``level``, ``logger``, ``process``, ``thread``,
    ``message``; the fields of the task that are known; ``exception`` and ``stack`` with line breaks, if there are any;
    and under ``extra`` what the caller gave as ``extra=``, as text where JSON has nothing for it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "timestamp": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        fields = record.__dict__
        line |= {name: fields[name] for name in FIELDS if fields.get(name, "") != ""}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        extra = {name: value for name, value in fields.items() if name not in _STANDARD}
        if extra:
            line["extra"] = extra
        return json.dumps(line, ensure_ascii=False, default=str)
