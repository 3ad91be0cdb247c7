"""Whole clusters in simulation, under faults, by seeds.

``python -m tests.sim --seeds 0..9999 --workers 2`` runs as many as one likes; some hundred are among the tests.
"""
