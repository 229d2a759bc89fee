"""The lint behind I13: documents are written through `app.core.changes` and nowhere else.

Refused in every module of `app` outside `app/core` and `app/migrations` (which rewrites stored documents while nobody
looks): calls of the driver's and Beanie's writing methods, by name and on whatever object, and the aggregation stages
that write. Refused outside `app/core/changes`: the name of the field that carries events, as a string or as a part of a
dotted one.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.core.changes.envelope import FIELD

WRITERS = {
    "bulk_write",
    "delete_all",
    "delete_many",
    "delete_one",
    "find_one_and_delete",
    "find_one_and_replace",
    "find_one_and_update",
    "get_pymongo_collection",
    "insert_many",
    "insert_one",
    "replace_many",
    "replace_one",
    "save",
    "save_changes",
    "update_many",
    "update_one",
    "upsert",
}
WRITING_STAGES = {"$merge", "$out"}


def violations(path: Path, root: Path) -> Iterator[str]:
    """What the module at `path` does past the change log, a line each."""
    place = path.relative_to(root).as_posix()
    free = place.startswith(("app/core/", "app/migrations/"))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if FIELD in node.value.split(".") and not place.startswith("app/core/changes/"):
                yield f"{place}:{node.lineno}: names {FIELD}, which only the change log reads and writes"
            if node.value in WRITING_STAGES and not free:
                yield f"{place}:{node.lineno}: {node.value} writes documents that tell nothing"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WRITERS
            and not free
        ):
            yield f"{place}:{node.lineno}: {node.func.attr}() writes past the change log; use app.core.changes"
