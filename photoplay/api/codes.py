"""Every `code` that an error answer can have, with its status and meaning; stable and public.

The OpenAPI document lists them; docs/api.md has an anchor for each.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, tuple[int, str]]] = {
    "malformed_json": (400, "The body is not JSON."),
    "malformed_form": (400, "The multipart body cannot be read."),
    "idempotency_key_mismatch": (400, "Body and header name different keys."),
    "image_required": (400, "No picture was named or sent."),
    "image_ambiguous": (400, "More than one picture was named."),
    "image_not_found": (400, "There is no such picture of this user."),
    "image_empty": (400, "The picture has no bytes."),
    "image_type": (400, "The bytes are no picture of a known type."),
    "image_unreadable": (400, "The picture is damaged, cut off, or too heavy to decode."),
    "image_too_large": (400, "The picture has too many bytes."),
    "image_too_many_pixels": (400, "The picture has too many pixels."),
    "image_dimensions": (400, "A side of the picture is too short or too long."),
    "image_ratio": (400, "The picture is too long for its width."),
    "url_not_allowed": (400, "The picture's address is not one that is fetched from."),
    "unknown_provider": (400, "This installation does not use that provider."),
    "unknown_move": (400, "The provider does not know that camera move."),
    "cursor_invalid": (400, "The cursor is not one of ours; start the list again."),
    "on_behalf_of_required": (400, "The key has no user of its own; X-On-Behalf-Of must name one."),
    "on_behalf_of_invalid": (400, "X-On-Behalf-Of names no user."),
    "unauthenticated": (401, "There is no valid token or API key."),
    "invalid_subject": (401, "The token's subject is not a UUID."),
    "ticket_invalid": (401, "The ticket is forged, expired, or another job's."),
    "media_link_refused": (403, "The signed address was changed or has expired."),
    "admin_required": (403, "Only an operator may do that."),
    "host_not_loopback": (403, "Local mode answers on loopback only."),
    "foreign_origin": (403, "Local mode serves its own pages only."),
    "not_found": (404, "There is nothing at this address."),
    "job_not_found": (404, "There is no such job of this user."),
    "picture_not_found": (404, "There is no such picture of this user."),
    "key_not_found": (404, "There is no such API key."),
    "method_not_allowed": (405, "The address does not take this method."),
    "callback_forged": (401, "The callback's signature does not hold, or it is another task's."),
    "already_finished": (409, "The job succeeded or failed before it could be cancelled."),
    "not_finished": (409, "There is no video yet, or never will be."),
    "already_uploaded": (409, "Another picture was put at the address before; it stays."),
    "erased": (410, "The job of this key was erased."),
    "user_erased": (410, "The user's data were erased; nothing new of the user is taken."),
    "payload_too_large": (413, "The body has more bytes than are read; the connection is closed."),
    "unprocessable": (422, "Unknown fields or wrong values; `details.fields` names them."),
    "idempotency_key_reused": (422, "The key belongs to a different request."),
    "quota_exceeded": (429, "The videos of the day are used up."),
    "too_many_open_jobs": (429, "As many videos as allowed are in progress."),
    "internal": (500, "Our fault; the `request_id` finds it."),
    "database_unavailable": (503, "The database does not answer; nothing was changed."),
    "storage_unavailable": (503, "The object store does not answer."),
    "contention": (503, "The request lost to another one; nothing was changed."),
}
