"""The metrics of the cluster as the REST API shows them: fetched when somebody asks, kept until the next fetch."""
