"""Heartbeats of the master: who calls whom, and when silence means death."""
