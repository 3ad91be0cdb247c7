"""Operators on two inputs: one function for both, a broadcast input beside another, and interval joins."""
