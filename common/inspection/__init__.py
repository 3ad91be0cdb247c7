"""What a process tells of itself to whoever looks at it while it works."""
