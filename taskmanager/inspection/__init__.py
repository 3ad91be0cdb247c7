"""Looking at a running process: its threads, its log levels, where its tasks spend their time."""
