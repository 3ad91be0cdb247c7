"""The hybrid source under PyFlink's module name."""

from __future__ import annotations

from millstream.connectors.hybrid_source import HybridSource, HybridSourceBuilder

__all__ = ["HybridSource", "HybridSourceBuilder"]
