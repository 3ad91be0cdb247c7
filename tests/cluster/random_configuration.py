"""Settings drawn at random for a test that must hold under any of them."""

from __future__ import annotations

import os
import random

__all__ = ["random_configuration"]

_SEED = "MILLSTREAM_TEST_SEED"


def random_configuration(
    salt: str, *, unaligned: bool | None = None, backend: str | None = None
) -> tuple[int, dict[str, str]]:
    """Return a seed and settings.

    :param salt: makes each test's settings its own.
    :param unaligned: where the test says it.
    :param backend: likewise.
    """
    seed = int(os.environ.get(_SEED, random.SystemRandom().randrange(1 << 32)))
    source = random.Random(f"{seed} {salt}")
    settings = {
        "execution.checkpointing.interval": f"{source.choice([20, 50, 100])} ms",
        "execution.checkpointing.snapshot-compression": source.choice(["true", "false"]),
        "execution.checkpointing.data-inline-threshold": source.choice(["0 b", "1 kb", "20 kb"]),
        "execution.checkpointing.incremental": source.choice(["true", "false"]),
        "execution.checkpointing.num-retained": source.choice(["1", "3"]),
        "execution.checkpointing.unaligned.enabled": source.choice(["true", "false"]),
        "execution.checkpointing.aligned-checkpoint-timeout": source.choice(["0 ms", "10 ms", "1 s"]),
        "execution.buffer-timeout": source.choice(["0 ms", "10 ms", "100 ms"]),
        "state.backend.type": source.choice(["hashmap", "rocksdb"]),
        "state.backend.rocksdb.timer-service.factory": source.choice(["HEAP", "ROCKSDB"]),
        "pipeline.operator-chaining.enabled": source.choice(["true", "true", "false"]),
        "state.backend.local-recovery": source.choice(["true", "false"]),
    }
    if unaligned is not None:
        settings["execution.checkpointing.unaligned.enabled"] = str(unaligned).lower()
    if backend is not None:
        settings["state.backend.type"] = backend
    # The runner shows it if the test fails.
    print(f"{_SEED}={seed} gives {settings}")  # noqa: T201  # for whoever has to run it again
    return seed, settings
