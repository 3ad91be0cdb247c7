"""What happens after a failure: restart strategies, the subtasks that start anew, the history of failures."""
