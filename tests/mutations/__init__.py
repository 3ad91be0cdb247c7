"""Shows that the tests would notice: breaks one promise at a time and looks for red tests.

``python -m tests.mutations`` (``make mutations``) runs it.
"""
