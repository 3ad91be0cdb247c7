"""From a program's transformations to the stream graph, and from there to the JobGraph that is submitted."""
