"""Passes on tile IR: each a function to a function."""

from tilevm.passes.pipeline import (
    PIPELINE,
    THREADED,
    Pass,
    every_pass,
    for_products,
    layouts,
    pipeline,
    run_passes,
    thread_pipeline,
    through,
)

__all__ = [
    "PIPELINE",
    "THREADED",
    "Pass",
    "every_pass",
    "for_products",
    "layouts",
    "pipeline",
    "run_passes",
    "thread_pipeline",
    "through",
]
