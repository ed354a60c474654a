"""Look-alikes of fal, Runway and Kling on loopback, with scripted faults and a clock that can be moved.

They are for trying Photoplay without a provider's key, and for proving that it loses nothing when a
provider misbehaves. What they know of the providers is an independent reading of the contracts: no
code is shared with `photoplay.providers`, so that each checks the other. They never leave loopback.
"""

from photoplay.sandbox.catalogue import CATALOGUE
from photoplay.sandbox.faults import Fault
from photoplay.sandbox.options import FalOptions, KlingOptions, RunwayOptions, SandboxOptions
from photoplay.sandbox.server import Sandbox

__all__ = [
    "CATALOGUE",
    "FalOptions",
    "Fault",
    "KlingOptions",
    "RunwayOptions",
    "Sandbox",
    "SandboxOptions",
]
