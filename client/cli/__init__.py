"""The command line ``millstream``: actions, their output and exit codes as those of ``bin/flink``.

Modules here import lazily: ``millstream --help`` must not wait for gRPC or the API to load.
"""
