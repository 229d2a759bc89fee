"""The source of Atrium, as the rules about it see it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc", "shared", "base_utils"}
"""Names that say nothing of what is inside."""

LOOKS_UP = {"find", "find_one", "aggregate", "count_documents", "distinct", "estimated_document_count", "find_all"}
WRITES = {"insert_one", "insert_many", "update_one", "update_many", "replace_one", "delete_one", "delete_many"}
WRITES |= {"bulk_write", "find_one_and_update", "find_one_and_replace", "find_one_and_delete"}
REACHES = {"get_pymongo_collection", "get_motor_collection"}
MAY_LOOK_UP = ("app/core/", "app/models/", "app/migrations/")
"""Where MongoDB is spoken to. Everywhere else a query goes through a row, which names the tenant."""


def files(*folders: str) -> list[Path]:
    """Every Python file below the folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def look_ups(source: str) -> Iterator[str]:
    """Calls by which this source reaches a collection of MongoDB by itself, in words, with their lines.

    Methods of the services are told apart by what they are called on: theirs are modules and models, MongoDB's are
    collections and Beanie's documents.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "app.core.database":
            names = {alias.name for alias in node.names} & {"collection", "database", "client"}
            yield from (f"line {node.lineno}: imports {name} of the database" for name in sorted(names))
        if isinstance(node, ast.ImportFrom) and node.module in ("app.core.queries", "app.core.wire"):
            yield f"line {node.lineno}: imports from {node.module}"
        if isinstance(node, ast.Attribute) and node.attr in REACHES:
            yield f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _on_a_collection(node.func):
            yield f"line {node.lineno}: .{node.func.attr}()"


def _on_a_collection(called: ast.Attribute) -> bool:
    on = called.value
    document = isinstance(on, ast.Name) and on.id.endswith("Document")
    made = isinstance(on, ast.Call | ast.Subscript)  # collection("users").find(), database["users"].find()
    named = isinstance(on, ast.Name) and on.id in ("collection", "database", "queries", "wire")
    if called.attr in LOOKS_UP - {"find"}:
        return True
    return (document or made or named) and called.attr in LOOKS_UP | WRITES
