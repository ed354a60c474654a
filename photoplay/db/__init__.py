"""Postgres: connections, scoped transactions, migrations, and every SQL statement as a file.

`queries/` holds one statement a file, `migrations/` what makes the schema. Nothing here decides
anything about a job: deciding is the operations' and the schema's.
"""
