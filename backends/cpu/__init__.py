"""The CPU backend: tile IR to native code through LLVM."""

from .artifact import CpuBackend

backend = CpuBackend()

__all__ = ["backend"]
