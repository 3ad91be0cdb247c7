"""Those who tell the outside of a process's metrics, one for each system that collects metrics."""
