"""Layouts as users name them, and pictures that need a machine: accesses with their conflicts."""

from tilevm.report.pictures.access import access, cost_table, moved, named
from tilevm.report.pictures.data import access_data, layout_data
from tilevm.report.pictures.expression import read_layout

__all__ = ["access", "access_data", "cost_table", "layout_data", "moved", "named", "read_layout"]
