"""Operators that put records into windows."""
