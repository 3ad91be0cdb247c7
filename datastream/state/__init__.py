"""Keyed and broadcast state, as functions see it."""
