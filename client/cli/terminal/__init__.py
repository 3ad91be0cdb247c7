"""What people see who look at a terminal: tables, and views that are rewritten in place. Imported there alone, since it
needs rich.
"""

from __future__ import annotations
