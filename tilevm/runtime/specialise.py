"""The types of a kernel's parameters, from what its signature says and what its arguments are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import lcm
from typing import NoReturn

from tilevm.runtime.arguments import EVEN, Seen, Trait, Weak
from tilevm.signature import Element, ParamSpec, PointerSpec, ScalarSpec, TensorSpec
from tilevm.source import Note, TileError
from tilevm.types import Dim, DType, Pointer, Scalar, Tensor, Type, row_major

Specs = Sequence[ParamSpec | None]  # one a parameter; None where the signature says nothing


class Variables:
    """The type variables of a signature, bound by the arguments met so far."""

    def __init__(self) -> None:
        self.bound: dict[str, tuple[DType, str]] = {}

    def agree(self, element: Element, name: str, found: DType) -> DType:
        """``found``, which argument ``name`` holds, if that is what the signature wants there."""
        if isinstance(element, DType) and element != found:
            raise TileError(
                f"{name} holds {found}, and the signature says {element}",
                help=f"convert the argument to {element}, or write a type variable such as T to take any type",
            )
        if isinstance(element, str):
            wanted, owner = self.bound.setdefault(element, (found, name))
            if wanted != found:
                raise TileError(
                    f"{element} is {wanted} in {owner} and {found} in {name}",
                    help="convert one of both; where they may differ, give them type variables of their own",
                )
        return found


def specialise(names: Sequence[str], specs: Specs, seen: Sequence[Seen]) -> dict[str, Type]:
    """The type of each parameter. Tensors bind type variables before numbers do.

    Raises TileError where an argument's kind, rank or number type is not what the signature says.
    """
    variables = Variables()
    types: dict[str, Type] = {}
    triples = list(zip(names, specs, seen, strict=True))
    for name, spec, what in sorted(triples, key=lambda t: not isinstance(t[2], Trait)):
        types[name] = RULES[type(spec), type(what)](name, spec, what, variables)
    return {name: types[name] for name in names}


def tensor_type(name: str, spec: ParamSpec | None, seen: Trait, variables: Variables) -> Tensor:
    assert isinstance(spec, TensorSpec)
    same_packing(name, spec, seen)
    dtype = variables.agree(spec.dtype, name, seen.dtype)
    if len(seen.units) != len(spec.dims):
        raise TileError(
            f"{name} has {count(len(seen.units), 'dimension')}, and the signature says {count(len(spec.dims), '')}",
            notes=[Note(f"the signature: {spec}")],
            help=f"reshape the argument, or change the signature of {name}",
        )
    axes = dims(name, spec.dims, seen.wide, seen.even)
    apart = packed_strides(spec, axes) if spec.packed else strides(spec, seen.units)
    return Tensor(dtype, axes, apart, max(spec.align, seen.align), spec.packed, spec.small or seen.small)


def same_packing(name: str, spec: TensorSpec, seen: Trait) -> None:
    """Raises TileError unless signature and argument agree on whether elements lie without gaps."""
    if seen.packed is spec.packed:
        return
    mend = f"write {replace(spec, packed=seen.packed)}"
    message = f"{name} is packed, and the signature does not say so"
    if spec.packed:
        message = f"{name} is not packed, and the signature says it is"
        mend = f"pass tv.packed(buffer, dtype, shape), or {mend}"
    raise TileError(message, notes=[Note(f"the signature: {spec}")], help=mend)


def packed_strides(spec: TensorSpec, dims: Sequence[Dim]) -> tuple[int | None, ...]:
    """What follows from the extents that are known, or else the number that the signature gives."""
    said = spec.strides or (None,) * len(dims)
    known = row_major([d.size for d in dims])
    return tuple(s if isinstance(s, int) else k for s, k in zip(said, known, strict=True))


def dims(name: str, said: Sequence[Dim], wide: Sequence[int], even: Sequence[int] = ()) -> tuple[Dim, ...]:
    """Dims without a name or size are called after their place; ``wide`` axes take i64, 16 divides ``even`` ones."""
    named = (call_it(d, f"{name}.shape[{i}]", i in wide) for i, d in enumerate(said))
    return tuple(replace(d, divisor=lcm(d.divisor, EVEN)) if i in even else d for i, d in enumerate(named))


def call_it(dim: Dim, name: str, wide: bool) -> Dim:
    if dim.size is not None:
        return dim
    return replace(dim, name=dim.name or name, wide=wide)


def strides(spec: TensorSpec, units: Sequence[bool]) -> tuple[int | None, ...]:
    """1 where neighbours touch, the number that the signature gives, else None."""
    said = spec.strides or (None,) * len(units)
    return tuple(1 if unit else s if isinstance(s, int) else None for s, unit in zip(said, units, strict=True))


def free_tensor(name: str, spec: ParamSpec | None, seen: Trait, variables: Variables) -> Tensor:
    return tensor_type(name, TensorSpec(name, None, (Dim(),) * len(seen.units), packed=seen.packed), seen, variables)


def pointer_type(name: str, spec: ParamSpec | None, seen: Trait, variables: Variables) -> Pointer:
    assert isinstance(spec, PointerSpec)
    if seen.packed:
        raise TileError(
            f"{name} is packed, and the signature says a pointer",
            notes=[Note(f"the signature: {spec}")],
            help="a pointer goes to whole bytes; make it a tensor, as in w: u4[K, N] packed",
        )
    return Pointer(variables.agree(spec.dtype, name, seen.dtype), max(spec.align, seen.align))


def strong_scalar(name: str, spec: ParamSpec | None, seen: DType, variables: Variables) -> Scalar:
    """A number that brings its type takes the signature's, if it can be one of it."""
    assert isinstance(spec, ScalarSpec)
    if isinstance(spec.dtype, DType) and not fits(spec.dtype, seen):
        variables.agree(spec.dtype, name, seen)
    return Scalar(spec.dtype if isinstance(spec.dtype, DType) else variables.agree(spec.dtype, name, seen))


def weak_scalar(name: str, spec: ParamSpec | None, seen: Weak, variables: Variables) -> Scalar:
    """A Python number takes the type that is wanted, if it can be one of it."""
    assert isinstance(spec, ScalarSpec)
    wanted = spec.dtype
    if isinstance(wanted, str):
        wanted = variables.bound[wanted][0] if wanted in variables.bound else variables.agree(wanted, name, seen.dtype)
    if wanted is None:
        return Scalar(seen.dtype)
    if not fits(wanted, seen.dtype):
        said = ARTICLES[seen.dtype.name]
        raise TileError(f"{name} is {said}, and the signature says {wanted}", help=f"pass {wants(wanted)}")
    return Scalar(wanted)


def fits(wanted: DType, found: DType) -> bool:
    """Whether a number of type ``found`` may stand for one of ``wanted``: ints for floats too, never the reverse."""
    if wanted.is_bool or found.is_bool:
        return wanted.is_bool and found.is_bool
    return found.is_integer or wanted.is_float


ARTICLES = {"bool": "a bool", "f32": "a float", "i32": "an int", "i64": "an int", "u64": "an int"}


def wants(dtype: DType) -> str:
    return "True or False" if dtype.is_bool else "an int" if dtype.is_integer else "a number"


def not_a_number(name: str, spec: ParamSpec | None, seen: Trait, variables: Variables) -> NoReturn:
    raise TileError(
        f"{name} is an array of {seen.dtype}, and the signature says a number",
        notes=[Note(f"the signature: {spec}")],
        help=f"pass a number, as {name}.item() of an array with one element",
    )


def not_a_tensor(name: str, spec: ParamSpec | None, seen: Weak | DType, variables: Variables) -> NoReturn:
    dtype = seen.dtype if isinstance(seen, Weak) else seen
    kind = "a pointer" if isinstance(spec, PointerSpec) else "a tensor"
    raise TileError(
        f"{name} is {ARTICLES.get(dtype.name, f'a number of {dtype}')}, and the signature says {kind}",
        notes=[Note(f"the signature: {spec}")],
        help="pass a numpy array or a torch tensor",
    )


Rule = Callable[..., Type]
RULES: Mapping[tuple[type, type], Rule] = {  # what the signature says, what the argument is
    (TensorSpec, Trait): tensor_type,
    (TensorSpec, Weak): not_a_tensor,
    (TensorSpec, DType): not_a_tensor,
    (PointerSpec, Trait): pointer_type,
    (PointerSpec, Weak): not_a_tensor,
    (PointerSpec, DType): not_a_tensor,
    (ScalarSpec, Trait): not_a_number,
    (ScalarSpec, Weak): weak_scalar,
    (ScalarSpec, DType): strong_scalar,
    (type(None), Trait): free_tensor,
    (type(None), Weak): lambda name, spec, seen, variables: Scalar(seen.dtype),
    (type(None), DType): lambda name, spec, seen, variables: Scalar(seen),
}


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 or not what else 's'}".rstrip()


def declared(names: Sequence[str], specs: Specs) -> dict[str, Type]:
    """The types that a signature alone gives, each number type written out.

    The elements of a row touch and addresses are multiples of an element's bytes, unless it says otherwise.
    """
    return {name: declared_type(name, spec) for name, spec in zip(names, specs, strict=True)}


def declared_type(name: str, spec: ParamSpec | None) -> Type:
    if spec is None:
        raise TileError(f"the signature does not say what {name} is", help="add it, as in x: f32[N] or n: i32")
    if not isinstance(spec.dtype, DType):
        open_ = spec.dtype or "_"
        raise TileError(f"{name} holds {open_}, which is open", help=f"write a number type there, such as f32: {spec}")
    if isinstance(spec, ScalarSpec):
        return Scalar(spec.dtype)
    units = [False] * len(spec.dims) if isinstance(spec, TensorSpec) else []
    if isinstance(spec, TensorSpec) and spec.strides is not None:
        units = [s == 1 for s in spec.strides]
    elif units:
        units[-1] = True
    packed = isinstance(spec, TensorSpec) and spec.packed
    seen = Trait(spec.dtype, tuple(units), 1 if packed else spec.dtype.numpy_bytes, packed=packed)
    found: Type = RULES[type(spec), Trait](name, spec, seen, Variables())
    return found
