"""The scheduler: slot sharing, the slot pool and the state machine that runs a job over them."""
