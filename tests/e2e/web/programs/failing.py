"""A job that fails at its third record."""

from __future__ import annotations

from millstream.datastream import StreamExecutionEnvironment


def reciprocal(value: int) -> float:
    return 1 / value


def main() -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    env.from_collection([2, 1, 0]).map(reciprocal).name("reciprocal").print()
    env.execute("Failing")


if __name__ == "__main__":
    main()
