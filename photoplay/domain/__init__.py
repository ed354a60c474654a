"""What a job is: words, states, transitions, outcomes, options, errors, retry arithmetic.

Pure: no I/O, no clock, no environment. Everything here takes what it needs as arguments and returns
values, so it can be read, tested and reused without a database or a network.
"""
