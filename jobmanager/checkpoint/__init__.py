"""Checkpoints of one job: the state machine that takes them, keeps them and gives tasks their state back."""
