"""The JobManager: the JobMaster that runs a job, and the ResourceManager that gives it slots."""
