"""What every route for operators shares: who may, and how it is refused."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends

from photoplay.api import wire
from photoplay.api.authentication.caller import Caller
from photoplay.api.identity import require_admin

Operator = Annotated[Caller, Depends(require_admin)]
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": wire.Problem},
    403: {"model": wire.Problem},
    404: {"model": wire.Problem},
    503: {"model": wire.Problem},
}
