"""The one error of the embedded Postgres."""

from __future__ import annotations


class EmbeddedPostgresError(Exception):
    """The Postgres of a data folder cannot be used.

    The message is for people and says what failed, why, and what to do about it. Nothing in it
    is secret.
    """
