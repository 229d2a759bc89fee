"""The rule that nothing is awaited of a vendor but in a call of its `Outside`, as tests apply it to source."""

import ast
from collections.abc import Iterator

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def unbounded(source: str) -> Iterator[str]:
    """What the public functions of an integration await outside of `async with SERVICE.call()`, in words.

    A private function may await what it likes: whoever is public calls it inside. To let go of a connection is no call,
    but `close` waits for it inside `asyncio.timeout()`.
    """
    tree = ast.parse(source)
    services = {name for node in tree.body for name in _declared(node)}
    if not services and any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)):
        yield "it declares no Outside"
    for function in _public(tree):
        bounds = {f"{service}.call" for service in services} | (
            {"asyncio.timeout"} if function.name == "close" else set()
        )
        yield from (f"line {line}: {function.name} waits for it outside a call" for line in _loose(function, bounds))


def _declared(node: ast.stmt) -> Iterator[str]:
    """The names to which a statement of the module assigns an Outside."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        made = node.value.func
        if isinstance(made, ast.Name) and made.id == "Outside":
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _public(tree: ast.Module) -> Iterator[ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and (not node.name.startswith("_") or node.name.startswith("__")):
            yield node


def _loose(node: ast.AST, bounds: set[str]) -> Iterator[int]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _SCOPES):
            continue
        if isinstance(child, ast.AsyncWith) and _entered(child) in bounds:
            continue
        if isinstance(child, ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield child.lineno
        yield from _loose(child, bounds)


def _entered(block: ast.AsyncWith) -> str:
    """What an `async with` calls first: `SERVER.call`."""
    entered = block.items[0].context_expr
    return ast.unparse(entered.func) if isinstance(entered, ast.Call) else ""
