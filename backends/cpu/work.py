"""Scratch that an instruction on whole tiles needs for itself."""

from tilevm.ir import Table

work: Table[[], int] = Table("bytes of scratch for an instruction's own use")
