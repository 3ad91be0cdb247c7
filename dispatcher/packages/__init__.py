"""Uploaded job packages: kept on disk, looked into without running them, and run in processes of their own."""
