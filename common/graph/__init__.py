"""Data classes of the graphs: what an operator is, how edges partition, how big a job is."""
