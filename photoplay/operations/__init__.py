"""What changes the database: one use case a file, one transaction each, no network.

Each operation says in its docstring what commits together (`Transaction:`) and by what a repetition
is harmless (`Idempotent:`). Reads that need no decision go straight from a route to a query.
"""
