"""The built-in renderer as a provider: what it can do, without importing it.

The renderer itself is `providers/local/`; only the children that render import that.
"""

from __future__ import annotations

from typing import Final

from photoplay.domain.capability import Capability
from photoplay.domain.options import MOVES

LOCAL: Final = Capability(
    provider="local",
    model="local-parallax",
    durations_s=(1.0, 15.0),
    continuous=True,
    moves=MOVES,
    can_loop=True,
    can_seed=True,
    usd_per_s=0.0,
    billed=False,
    generative=False,
    source="docs/renderer.md",
)
