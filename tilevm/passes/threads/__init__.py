"""Passes on thread-level IR."""
