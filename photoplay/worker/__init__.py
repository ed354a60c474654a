"""What follows a job to its end: the engine's wiring, the phases, rendering, transfer, sweeps.

The worker owns time, network and retries. What it decides, it decides from a row and an outcome
value; what it changes, it changes through an operation that names its lease.
"""
