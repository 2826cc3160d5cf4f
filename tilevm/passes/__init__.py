"""Passes on tile IR: each a function to a function."""

from tilevm.passes.pipeline import (
    PIPELINE,
    Pass,
    layouts,
    pipeline,
    run_passes,
    thread_pipeline,
    through,
)

__all__ = ["PIPELINE", "Pass", "layouts", "pipeline", "run_passes", "thread_pipeline", "through"]
