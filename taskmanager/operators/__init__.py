"""The operators that run in tasks: one module per kind, made from specs by :mod:`.registry`."""
