"""The endpoints: one module for each noun, each with a ``make_router(context)``."""
