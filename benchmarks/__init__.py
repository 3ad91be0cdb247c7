"""Speed measurements, each a ratio to a baseline that runs in the same command (``python -m benchmarks``)."""
