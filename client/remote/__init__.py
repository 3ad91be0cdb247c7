"""The blocking client of a cluster's Dispatcher, for programs and for the command line."""
