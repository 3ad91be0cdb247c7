"""Pure functions from messages of the cluster to answers of the REST interface."""
