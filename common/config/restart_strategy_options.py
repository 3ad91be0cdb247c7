"""Options that say whether, when and how often a failed job is restarted."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import option, optional
from millstream.common.config.value_kind import FloatKind, IntegerKind, one_of

__all__ = ["RestartStrategyOptions"]


class RestartStrategyOptions:
    """Restart strategies"""

    TYPE: Final = optional(
        "restart-strategy.type",
        one_of(
            "none",
            "fixed-delay",
            "failure-rate",
            "exponential-delay",
            off="none",
            disable="none",
            fixeddelay="fixed-delay",
            failurerate="failure-rate",
            exponentialdelay="exponential-delay",
        ),
        "How a failed job is restarted. Unset: `exponential-delay` for a job with checkpoints, `none` for one without.",
        former=("restart-strategy",),
    )
    FIXED_DELAY_ATTEMPTS: Final = option(
        "restart-strategy.fixed-delay.attempts",
        IntegerKind(0),
        1,
        "`fixed-delay`: restarts before the job fails for good.",
    )
    FIXED_DELAY_DELAY: Final = option(
        "restart-strategy.fixed-delay.delay",
        DURATION,
        timedelta(seconds=1),
        "`fixed-delay`: pause before a restart.",
    )
    FAILURE_RATE_MAX_FAILURES: Final = option(
        "restart-strategy.failure-rate.max-failures-per-interval",
        IntegerKind(0),
        1,
        "`failure-rate`: failures within the interval after which the job fails for good.",
    )
    FAILURE_RATE_INTERVAL: Final = option(
        "restart-strategy.failure-rate.failure-rate-interval",
        DURATION,
        timedelta(minutes=1),
        "`failure-rate`: the interval in which failures are counted.",
    )
    FAILURE_RATE_DELAY: Final = option(
        "restart-strategy.failure-rate.delay",
        DURATION,
        timedelta(seconds=1),
        "`failure-rate`: pause before a restart.",
    )
    EXPONENTIAL_INITIAL_BACKOFF: Final = option(
        "restart-strategy.exponential-delay.initial-backoff",
        DURATION,
        timedelta(seconds=1),
        "`exponential-delay`: pause before the first restart.",
    )
    EXPONENTIAL_MAX_BACKOFF: Final = option(
        "restart-strategy.exponential-delay.max-backoff",
        DURATION,
        timedelta(minutes=1),
        "`exponential-delay`: longest pause before a restart.",
    )
    EXPONENTIAL_BACKOFF_MULTIPLIER: Final = option(
        "restart-strategy.exponential-delay.backoff-multiplier",
        FloatKind(1.0),
        1.5,
        "`exponential-delay`: factor by which the pause grows with each failure.",
    )
    EXPONENTIAL_RESET_THRESHOLD: Final = option(
        "restart-strategy.exponential-delay.reset-backoff-threshold",
        DURATION,
        timedelta(hours=1),
        "`exponential-delay`: time without a failure after which the pause is the initial one again.",
    )
    EXPONENTIAL_JITTER_FACTOR: Final = option(
        "restart-strategy.exponential-delay.jitter-factor",
        FloatKind(0.0, 1.0),
        0.1,
        "`exponential-delay`: share of the pause that is random, so that many jobs do not restart in step.",
    )
    EXPONENTIAL_ATTEMPTS: Final = optional(
        "restart-strategy.exponential-delay.attempts-before-reset-backoff",
        IntegerKind(0),
        "`exponential-delay`: failures without a reset in between after which the job fails for good. Unset: no bound.",
    )
