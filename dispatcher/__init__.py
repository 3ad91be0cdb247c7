"""The master of a cluster: takes jobs, runs a JobMaster for each, and keeps what became of them."""
