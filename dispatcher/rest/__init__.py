"""The REST interface: Flink's v1 API over the gateways of the cluster. Imported only by a process that serves it."""
