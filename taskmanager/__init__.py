"""What runs tasks: the TaskExecutor daemon, its slot workers, operators and the network stack between slots."""
