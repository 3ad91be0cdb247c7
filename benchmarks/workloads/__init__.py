"""The workloads: their user functions, their job, and the bare loop that is their baseline.

Job and bare loop call the very same functions record by record, so the ratio of their speeds is what the engine
itself costs (or gains).
"""

from __future__ import annotations

from benchmarks.workloads.interval_join import bare_interval_join, interval_join_job
from benchmarks.workloads.ints import bare_ints, ints_job
from benchmarks.workloads.million_keys import bare_sums, bare_visits, sums_job, visits_job
from benchmarks.workloads.sessions import bare_sessions, sessions_job
from benchmarks.workloads.timers import bare_timers, timers_job
from benchmarks.workloads.windows import bare_sliding, bare_tumbling, sliding_job, tumbling_job
from benchmarks.workloads.words import bare_words, words_job
from benchmarks.workloads.workload import Workload

__all__ = ["WORKLOADS"]

WORKLOADS = {
    "w1": Workload("w1", "W1 ints: map, filter, count", ints_job, bare_ints),
    "w2": Workload("w2", "W2 word count, running sums", words_job, bare_words),
    "w3": Workload("w3", "W3 sensors, 1 s tumbling windows", tumbling_job, bare_tumbling),
    "w3b": Workload("w3b", "W3b sensors, 10 s / 1 s sliding windows", sliding_job, bare_sliding),
    "w4": Workload("w4", "W4 sensors, state and a timer per key and 10 s", timers_job, bare_timers),
    "w5": Workload("w5", "W5 interval join, 1,000 keys, +-100 ms", interval_join_job, bare_interval_join),
    "w2m": Workload("w2m", "W2 shape, running sums of 1 M keys", sums_job, bare_sums),
    "w4m": Workload("w4m", "W4 shape, state and a timer for each of 1 M keys", visits_job, bare_visits),
    "w6": Workload("w6", "W6 session windows, 1,000 keys, gap 100 ms", sessions_job, bare_sessions),
}
