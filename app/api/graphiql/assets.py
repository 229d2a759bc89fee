"""The bundle's files. Their names carry a hash of their content, so browsers may keep them for good."""

import json
import re
from dataclasses import dataclass
from functools import cache
from os import PathLike, stat_result
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
ROUTE_NAME = "graphiql"

_HASHED = re.compile(r"-[A-Z0-9]{8}\.")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files that the page starts with; the script asks for the others."""

    script: str
    style: str


@cache
def bundle() -> Bundle:
    return Bundle(**json.loads((STATIC / "manifest.json").read_text()))


def assets() -> Mount:
    """The bundle under /graphiql. The page finds it by the name of this route."""
    return Mount("/graphiql", _Assets(directory=STATIC), name=ROUTE_NAME)


class _Assets(StaticFiles):
    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        immutable = _HASHED.search(Path(full_path).name)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if immutable else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        # A worker obeys the policy of its own file, not that of the page; these need nothing from anywhere.
        response.headers["Content-Security-Policy"] = "default-src 'none'"
        return response
