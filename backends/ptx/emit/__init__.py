"""Thread-level functions spelled as PTX."""

from .kernel import Listing, emit

__all__ = ["Listing", "emit"]
