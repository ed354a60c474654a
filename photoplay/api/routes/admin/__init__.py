"""/api/admin: for operators. One file a resource; each write leaves an audit row in its transaction."""

from __future__ import annotations

from photoplay.api.routes.admin import audit, jobs, keys, providers, quotas, retention, users

resources = (audit, jobs, keys, providers, quotas, retention, users)
