"""Layouts of tiles: which thread holds which element, inferred from what asks for it."""
