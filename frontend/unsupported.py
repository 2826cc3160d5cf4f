"""Python that kernels cannot hold: what each construct is called, and the way round it."""

from __future__ import annotations

import ast

LOOP = "write a for loop over range(…), or over a tuple to repeat the body at compile time"
OUTSIDE = "move it out of the kernel"

UNSUPPORTED: dict[type[ast.AST], tuple[str, str]] = {
    ast.FunctionDef: ("a nested function", "define it outside and mark it with @tv.function"),
    ast.AsyncFunctionDef: ("an async function", "define a plain function outside and mark it with @tv.function"),
    ast.Lambda: ("a lambda", "define a function outside and mark it with @tv.function"),
    ast.ClassDef: ("a class", "keep several values in a tuple, or " + OUTSIDE),
    ast.With: ("with", OUTSIDE),
    ast.AsyncWith: ("async with", OUTSIDE),
    ast.AsyncFor: ("async for", LOOP),
    ast.Try: ("try", "kernels raise no exceptions; test the condition with if or tv.where"),
    ast.TryStar: ("try", "kernels raise no exceptions; test the condition with if or tv.where"),
    ast.Raise: ("raise", "check at compile time with assert or tv.static_assert, or before the launch"),
    ast.Global: ("global", "kernels cannot change Python variables; store into a tensor"),
    ast.Nonlocal: ("nonlocal", "kernels cannot change Python variables; store into a tensor"),
    ast.Delete: ("del", "leave it out: a value that is not used costs nothing"),
    ast.Import: ("an import", "import at the top of the file"),
    ast.ImportFrom: ("an import", "import at the top of the file"),
    ast.Match: ("match", "write if and elif"),
    ast.Yield: ("yield", "store results into a tensor"),
    ast.YieldFrom: ("yield", "store results into a tensor"),
    ast.Await: ("await", OUTSIDE),
    ast.SetComp: ("a set comprehension", "write a list comprehension, [… for x in xs]"),
    ast.DictComp: ("a dict comprehension", "keep keys and values in two lists"),
    ast.NamedExpr: (":=", "assign on a line of its own"),
    ast.Dict: ("a dict", "use a tuple or a list, or separate names"),
    ast.Set: ("a set", "use a tuple or a list"),
    ast.Slice: ("a slice", "slices stand in brackets: x[:, None], or t[1:] of a tuple"),
}


def refusal(node: ast.AST) -> tuple[str, str | None]:
    """The message and help for a node that has no rule."""
    what, help = UNSUPPORTED.get(type(node), (f"Python's {type(node).__name__}", ""))
    return f"{what} is not supported in kernels", help or None
