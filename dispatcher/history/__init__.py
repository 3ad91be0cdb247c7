"""Jobs that have ended: archived by the master, shown by the history server when the cluster is gone."""
