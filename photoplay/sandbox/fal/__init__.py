"""fal as a look-alike: queue, storage, files, key set, and the platform's history.

An independent reading of the vendor's contract: nothing here is shared with the provider's adapter,
so that each checks the other.
"""

from photoplay.sandbox.fal.provider import FalSandbox

__all__ = ["FalSandbox"]
