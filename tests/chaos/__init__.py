"""Exactly-once under fire: a stateful job on real processes that are killed at random.

``python -m tests.chaos --seconds 120`` runs it for as long as one likes; a short run is among the tests.
"""
