"""Keyed state and timers: what operators remember per key, behind one interface for all backends."""
