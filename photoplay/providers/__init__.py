"""Providers: pure translation between our words and theirs, and what each model can do, as data.

No time, no network, no retries, no rows: those belong to the worker. `local/` is the built-in
renderer. To add a provider see docs/adding-a-provider.md.
"""

from __future__ import annotations

from photoplay.domain.capability import Capability
from photoplay.providers.builtin import LOCAL

CAPABILITIES: dict[str, Capability] = {LOCAL.provider: LOCAL}
"""Every provider by the name it is stored and configured under."""
