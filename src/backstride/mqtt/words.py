"""What the code says of its own words: the docstrings below the members of an enumeration or a type.

Python keeps no docstring of a member, so it is read from the source. For documents, not for the daemon.
"""

from __future__ import annotations

import ast
import inspect
import textwrap


def explain(kind: type) -> dict[str, str]:
    """Find what stands below each member of a class, in order; a member without a word is empty."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101  it is the source of a class
    found: dict[str, str] = {}
    last = ""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name()], value=ast.Constant(value=str(value))):
                last = value
                found[last] = ""
            case ast.AnnAssign(target=ast.Name(id=name)):
                last = name
                found[last] = ""
            case ast.Expr(value=ast.Constant(value=str(text))) if last:
                found[last] = " ".join(text.split())
            case _:
                pass
    return found
