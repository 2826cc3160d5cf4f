"""Loads and stores of 8 × 8 matrices between shared memory and fragments: ldmatrix and stmatrix."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.layout import Layout, LayoutError, local, spatial
from tilevm.target.copies import Space
from tilevm.target.fragment import WORD, check_fragment

ROWS, ROW_BYTES = 8, 16
LANES = 32


@dataclass(frozen=True)
class MatrixCopy:
    """``count`` matrices of 8 rows of 16 bytes, each row at an address of its own.

    ``addresses`` of shape (count, 8): which lane's address is that of a row. Lanes beyond them give none.
    ``fragment(bits)``: which lane and slot holds an element.
    """

    name: str
    source: Space
    destination: Space
    count: int
    transposed: bool = False
    since: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_fragment(f"{self.name}, addresses", self.addresses, (self.count, ROWS), self.count * ROWS)
        check_fragment(f"{self.name}, fragment", self.fragment(16), (self.count, ROWS, ROWS), LANES)

    @property
    def addresses(self) -> Layout:
        """Shape (count, 8), on thread: lane 8·matrix + row."""
        return spatial(self.count, ROWS)

    @property
    def words(self) -> int:
        """32-bit registers of a thread: one a matrix."""
        return self.count

    def moves(self, bits: int) -> bool:
        """Whether there is a fragment of elements of ``bits``: such as fill words, and 16 bits alone where rows are
        transposed."""
        return bits == 16 if self.transposed else bits in (4, 8, 16, 32)

    def fragment(self, bits: int = 16) -> Layout:
        """Shape (count, 8, 128 / bits): matrix, row in shared memory, element in the row.

        The instruction moves 16-bit elements; others of 4, 8 or 32 bits go in pairs, quarters or halves of them, which
        only works untransposed. Raises LayoutError for what cannot be moved.
        """
        if not self.moves(bits):
            kind = "16" if self.transposed else "4, 8, 16 or 32"
            raise LayoutError(f"{self.name} moves elements of {kind} bits, not of {bits}")
        if self.transposed:
            return local(self.count, 1, 1) * spatial(1, 4, ROWS, order=(0, 2, 1)) * local(1, 2, 1)
        return local(self.count, 1, 1) * spatial(1, ROWS, 4) * local(1, 1, WORD // bits)


def matrix_copies(since: tuple[int, int], store: bool = False) -> tuple[MatrixCopy, ...]:
    """Every ldmatrix, or every stmatrix, of 16-bit elements; ``since`` the lowest PTX version."""
    ends: tuple[Space, Space] = ("registers", "shared") if store else ("shared", "registers")
    return tuple(
        MatrixCopy(f"{'st' if store else 'ld'}matrix.{form}.shared.b16", *ends, count, transposed, since)
        for transposed in (False, True)
        for count in (1, 2, 4)
        for form in (f"sync.aligned.m8n8.x{count}{'.trans' if transposed else ''}",)
    )
