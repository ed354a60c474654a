"""The only place where a Postgres error becomes one of ours, by its SQLSTATE."""

from __future__ import annotations

from typing import ClassVar

import psycopg
import psycopg_pool

from photoplay.domain.errors import (
    IllegalTransitionError,
    LeaseLostError,
    PhotoplayError,
    UnavailableError,
    UserErasedError,
)


class SchemaError(PhotoplayError):
    """The database's schema is not the one this release needs; run `photoplay migrate`."""

    code = "schema_out_of_date"


class ContentionError(UnavailableError):
    """The transaction lost to another one and left nothing behind; run it again."""

    code = "contention"
    retryable: ClassVar[bool] = True


class RaceLostError(ContentionError):
    """The transaction lost to another one and may run again at once."""


_BY_SQLSTATE: dict[str, type[PhotoplayError]] = {
    "PP001": LeaseLostError,
    "PP002": IllegalTransitionError,
    "PP003": IllegalTransitionError,
    "PP004": IllegalTransitionError,
    "PP005": UserErasedError,
    "40001": RaceLostError,  # serialization failure
    "40P01": RaceLostError,  # deadlock
    "55P03": ContentionError,  # lock timeout
    "57014": ContentionError,  # statement timeout
    "25P03": ContentionError,  # stood still within a transaction
    "3F000": SchemaError,  # no such schema
    "42P01": SchemaError,  # no such table
    "42883": SchemaError,  # no such function
    "42703": SchemaError,  # no such column
}


def translated(error: Exception) -> Exception:
    """Return our error for a driver's error; what has no translation is returned as it is.

    Server texts stay in `__cause__`: they may quote values.
    """
    if isinstance(
        error, psycopg_pool.PoolTimeout | psycopg_pool.PoolClosed | psycopg_pool.TooManyRequests
    ):
        return UnavailableError("The database does not answer.", code="database_unavailable")
    if not isinstance(error, psycopg.Error):
        return error
    state = error.sqlstate
    if state is not None and state in _BY_SQLSTATE:
        return _BY_SQLSTATE[state]()
    # 08: connection; 53: resources (full disk, too many connections); 57P: shutdown or crash.
    is_away = state is None or state.startswith(("08", "53", "57P"))
    if is_away and isinstance(error, psycopg.OperationalError):
        return UnavailableError("The database does not answer.", code="database_unavailable")
    return error
