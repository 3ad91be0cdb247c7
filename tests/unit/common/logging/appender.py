"""Logs a number of lines to a shared file: ``appender.py <file> <max bytes> <max files> <name> <lines>``."""

from __future__ import annotations

import logging
import sys

from millstream.common.logging import LogHandler


def main() -> None:
    file, max_bytes, max_files, name, lines = sys.argv[1:]
    logger = logging.getLogger(name)
    logger.addHandler(LogHandler(file, int(max_bytes), int(max_files)))
    logger.setLevel(logging.INFO)
    sys.stdin.readline()  # all begin at once
    for number in range(int(lines)):
        logger.info("%s %d %s", name, number, "x" * (number % 97))


if __name__ == "__main__":
    main()
