"""One subtask's run: the chain of operators, its driver, its sources, its failures."""
