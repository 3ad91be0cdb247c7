"""The documentation says of each option whether it has an effect; this holds it to what the code reads."""

from __future__ import annotations

import re

from millstream.common.config.option import ConfigOption, Effect
from millstream.common.config.registry import OPTIONS_CLASSES
from tests.unit.project.checkout import PACKAGES, ROOT, sources

_SHOWN = "a TaskManager's description shows it; memory is not divided so"

# Read or written by the code, but nothing comes of them yet.
KEPT_ONLY = {
    "pipeline.object-reuse": "ExecutionConfig has it; chained functions share objects in any case",
    "pipeline.auto-generate-uids": "ExecutionConfig has it; uids matter with state",
    "pipeline.generic-types": "ExecutionConfig has it; pickle is never refused yet",
    "state.changelog.enabled": "the environment has it; the log says that nothing comes of it",
    "taskmanager.memory.task.heap.size": _SHOWN,
    "taskmanager.memory.task.off-heap.size": _SHOWN,
    "taskmanager.memory.framework.heap.size": _SHOWN,
    "taskmanager.memory.framework.off-heap.size": _SHOWN,
    "taskmanager.memory.network.fraction": _SHOWN,
    "taskmanager.memory.network.min": _SHOWN,
    "taskmanager.memory.network.max": _SHOWN,
    "taskmanager.memory.jvm-metaspace.size": _SHOWN,
    "taskmanager.memory.jvm-overhead.fraction": _SHOWN,
    "taskmanager.memory.jvm-overhead.min": _SHOWN,
    "taskmanager.memory.jvm-overhead.max": _SHOWN,
}


def test_an_option_is_documented_as_active_when_and_only_when_it_is_read() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sources(*PACKAGES)
        if not path.is_relative_to(ROOT / "common" / "config")
    )
    mentioned = set(re.findall(r"\b(\w+Options)\s*\.\s*(\w+)\b", code))
    wrong: list[str] = []
    for options_class in OPTIONS_CLASSES:
        for name, option in vars(options_class).items():
            if not isinstance(option, ConfigOption):
                continue
            is_read = (options_class.__name__, name) in mentioned and option.key not in KEPT_ONLY
            if is_read != (option.effect is Effect.ACTIVE):
                wrong.append(f"{option.key} is {'read' if is_read else 'not read'} but says: {option.effect.value}")
    assert wrong == []
