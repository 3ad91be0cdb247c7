"""Flame graphs: where the tasks of a vertex spend their time, from samples of their stacks."""
