"""Kernels written in tilevm's own language."""
