"""NVIDIA's cards through the driver: found, given code, launched on, and asked what went wrong."""

from .artifact import Loader
from .cards import cards

__all__ = ["Loader", "cards"]
