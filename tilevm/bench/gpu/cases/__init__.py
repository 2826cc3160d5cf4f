"""The problems, in the order in which a short budget should meet them: ceilings, then one family after another."""

from tilevm.bench.gpu.cases import attentions, launching, memory, paged, products, quantising

PROBLEMS = (
    memory.CEILING,
    products.CEILING,
    *launching.PROBLEMS,
    *products.PROBLEMS,
    *attentions.PROBLEMS,
    *products.PACKED,
    *paged.PROBLEMS,
    *attentions.SPARSE,
    *memory.PROBLEMS,
    *quantising.PROBLEMS,
)

__all__ = ["PROBLEMS"]
