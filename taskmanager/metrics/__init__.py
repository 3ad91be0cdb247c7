"""What a TaskManager tells of its tasks, their operators and itself, in Flink's names.

All of it is looked up in what tasks count anyway when somebody asks for a dump; only rates are kept up to date by a
timer, one in each slot worker and one in the daemon.
"""
