"""Brings the catalogues of app/core/words in step with the code: adds new sentences, drops those not said any more."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

import app
from app.core.errors import AppError
from app.core.words.catalogues import FOLDER
from app.schema.kit.inputs import ADDRESS, template_of

ROOT = Path(__file__).parents[1]
SILENT = ("app/cli", "app/dev", "app/seeds", "app/core/backups", "app/migrations")
"""These speak to operators, in English."""

PYDANTIC: dict[str, dict[str, Any]] = {
    "missing": {},
    "string_type": {},
    "string_too_short": {"min_length": 1},
    "string_too_long": {"max_length": 1},
    "string_pattern_mismatch": {"pattern": ""},
    "too_short": {"field_type": "", "min_length": 1, "actual_length": 1},
    "too_long": {"field_type": "", "max_length": 1, "actual_length": 1},
    "greater_than": {"gt": 1},
    "greater_than_equal": {"ge": 1},
    "less_than": {"lt": 1},
    "less_than_equal": {"le": 1},
    "url_parsing": {"error": ""},
    "url_scheme": {"expected_schemes": ""},
    "url_too_long": {"max_length": 1},
    "timezone_aware": {},
}
"""What Pydantic says of the constraints that commands have, by its names, with the values that each takes."""


def spoken() -> Iterator[tuple[str, ast.expr]]:
    """Each expression that says something to people, and where it stands."""
    speakers = _refusals() | {"words", "sentence"}
    for path in sorted((ROOT / "app").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(SILENT):
            for said in sentences(path.read_text(), speakers):
                yield f"{place}:{said.lineno}", said


def sentences(source: str, speakers: set[str]) -> Iterator[ast.expr]:
    """What the calls of `speakers` say in this source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in speakers:
            yield node.args[0]


def built(said: ast.expr) -> bool:
    """Whether it is put together on the spot, so that no catalogue can know it."""
    return isinstance(said, ast.JoinedStr | ast.BinOp) or (
        isinstance(said, ast.Call) and isinstance(said.func, ast.Attribute) and said.func.attr == "format"
    )


def templates() -> dict[str, list[str]]:
    """Everything that is said, and the files that say it."""
    found: dict[str, list[str]] = {}
    for place, said in spoken():
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            found.setdefault(said.value, []).append(place.partition(":")[0])
    for template in (ADDRESS, *(template_of(kind, values) for kind, values in PYDANTIC.items())):
        found.setdefault(template, []).append("app/schema/kit/inputs.py")
    return found


def faults(catalogue: Catalog) -> Iterator[str]:
    """What is wrong with a catalogue: sentences it lacks, or has for nothing, and names in braces that nobody fills."""
    said = templates()
    for template in said:
        message = catalogue.get(template)
        if message is None or not message.string:
            yield f"lacks “{template}”"
        elif _names(str(message.string)) - _names(template):
            yield f"fills in other names than “{template}”"
    yield from (f"has “{m.id}”, which nobody says" for m in catalogue if m.id and m.id not in said)


def catalogues() -> dict[str, Catalog]:
    found = {}
    for file in sorted(FOLDER.glob("*.po")):
        with file.open("rb") as opened:
            found[file.stem] = read_po(opened, locale=file.stem)
    return found


def main() -> None:
    said = templates()
    for code, old in catalogues().items():
        new = Catalog(locale=code, project="Atrium", fuzzy=False)
        for template, places in sorted(said.items()):
            message = old.get(template)
            new.add(template, message.string if message else "", [(place, None) for place in sorted(set(places))])  # type: ignore[misc]
        written = BytesIO()
        write_po(written, new, width=118, omit_header=True)
        (FOLDER / f"{code}.po").write_bytes(written.getvalue())
        print(f"{code}: {sum(1 for m in new if m.id and not m.string)} of {len(said)} sentences lack a translation")


def _refusals() -> set[str]:
    """The names of all classes of refusals."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.startswith(("app.cli.__main__", "app.dev")):
            importlib.import_module(module.name)
    found, open = set[str](), [AppError]
    while open:
        kind = open.pop()
        found.add(kind.__name__)
        open += kind.__subclasses__()
    return found


def _names(template: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(template) if name}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


if __name__ == "__main__":
    main()
