"""Counts the words of two sentences on a cluster inside this process."""

from __future__ import annotations

from millstream.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)

(
    env.from_collection(["to be or not to be", "that is the question"])
    .flat_map(str.split)
    .map(lambda word: (word, 1))
    .key_by(lambda pair: pair[0])
    .reduce(lambda a, b: (a[0], a[1] + b[1]))
    .print()
)

env.execute("Hello world")
