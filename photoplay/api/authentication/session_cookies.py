"""The access token of a Supabase session, as its libraries keep it in cookies."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import unquote

# `sb-<project>-auth-token`, or its pieces `….0`, `….1`; what else begins so is no session.
_SESSION: Final = re.compile(r"(sb-[A-Za-z0-9_.-]+-auth-token)(?:\.0)?", re.ASCII)
_BASE64: Final = "base64-"
# A browser may hold sessions of several projects of one host.
_MOST_SESSIONS: Final = 4


def access_tokens(cookies: Mapping[str, str]) -> list[str]:
    """Return the access tokens that the cookies hold, unverified, most likely one first.

    Source: https://github.com/supabase/ssr, `src/cookies.ts` and `src/utils/chunker.ts`, read 2026-11-25:
    the session is JSON, bare and percent-encoded or as `base64-` and base64url, in one cookie or in
    numbered ones. Older libraries keep the bare token in `sb-access-token`, or a JSON list that begins
    with it.
    """
    found = [cookies["sb-access-token"]] if cookies.get("sb-access-token") else []
    matches = (_SESSION.fullmatch(name) for name in cookies)
    for name in dict.fromkeys(match[1] for match in matches if match):
        token = _token_of(cookies.get(name) or _joined(cookies, name))
        if token:
            found.append(token)
    return found[:_MOST_SESSIONS]


def _joined(cookies: Mapping[str, str], name: str) -> str:
    pieces: list[str] = []
    while piece := cookies.get(f"{name}.{len(pieces)}"):
        pieces.append(piece)
    return "".join(pieces)


def _token_of(value: str) -> str | None:
    try:
        if value.startswith(_BASE64):
            code = value.removeprefix(_BASE64)
            text = base64.b64decode(code + "=" * (-len(code) % 4), b"-_", validate=True).decode()
        else:
            text = unquote(value)
        session: object = json.loads(text)
    except (ValueError, binascii.Error, RecursionError):
        return None
    if isinstance(session, list) and session:
        token = cast("list[object]", session)[0]
    elif isinstance(session, dict):
        token = cast("dict[str, object]", session).get("access_token")
    else:
        return None
    return token if isinstance(token, str) and token else None
