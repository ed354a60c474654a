"""What Photoplay does in a second, beside what its parts could do: `python -m benchmarks`.

Every figure is the median of several runs and stands beside a reference measured in the same run on
the same database, because a machine's mood changes both alike. Nothing here is asserted by a test.
"""
