"""How programs and people reach a cluster: executors, blocking clients, the embedded cluster, the command line."""
