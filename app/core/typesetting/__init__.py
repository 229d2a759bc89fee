"""Typesetting: a template and what it shows become pages, by Typst.

A PDF is one that can be archived (PDF/A-2u): it holds its fonts, and what each of its letters is. The fonts are those
beside this file, and no others of the machine: the same template and values give the same bytes everywhere. They have
the letters of Latin, Greek, Cyrillic, Arabic and Devanagari. What none of them has is refused, never drawn as a box; an
operator adds fonts by FONTS_FOLDER.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import orjson
from typst import Compiler, Fonts

from app.core.settings import settings

FONTS = Path(__file__).parent / "fonts"
STANDARD: Literal["a-2u"] = "a-2u"
TOGETHER = asyncio.Semaphore(1)
"""How many documents a process typesets at once: each takes a core while it does."""


class NotTypeset(Exception):
    """The template does not take the values, or no font has the letters that they hold."""


async def pdf(template: Path, shown: Mapping[str, Any], moment: datetime) -> bytes:
    """The pages as a PDF/A that says it was made at this moment. Raises NotTypeset.

    The template reads `shown` by `json(bytes(sys.inputs.shown))`; none of it is taken for Typst's own language.
    """
    [made] = await _typeset(template, shown, moment, format="pdf", pdf_standards=STANDARD)
    return made


async def pictures(template: Path, shown: Mapping[str, Any], moment: datetime, *, ppi: float) -> list[bytes]:
    """The pages as PNG, at so many pixels an inch. Raises NotTypeset."""
    return await _typeset(template, shown, moment, format="png", ppi=ppi)


async def _typeset(template: Path, shown: Mapping[str, Any], moment: datetime, **how: Any) -> list[bytes]:
    inputs = {"shown": orjson.dumps(shown).decode()}

    def compile() -> list[bytes]:
        compiler = Compiler(template.read_bytes(), font_paths=_fonts(settings().fonts_folder), sys_inputs=inputs)
        made, warnings = compiler.compile_with_warnings(timestamp=moment, **how)
        if made is None or warnings:  # a font that is not there is no more than a warning to Typst
            raise NotTypeset("; ".join(one.message for one in warnings))
        return made if isinstance(made, list) else [made]

    async with TOGETHER:
        try:
            return await asyncio.to_thread(compile)
        except (RuntimeError, ValueError) as error:  # TypstError is a RuntimeError
            raise NotTypeset(str(error)) from error


@cache
def _fonts(own: Path | None) -> Fonts:
    return Fonts(False, False, [FONTS, *([own] if own else [])])
