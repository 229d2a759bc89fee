"""An organization's colours, and whether text on them can be read (WCAG 2.2, 1.4.3)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.core.errors import Invalid

LEAST_CONTRAST = 4.5
BLACK, WHITE = "#000000", "#ffffff"

Color = Annotated[str, StringConstraints(to_lower=True), Field(pattern=r"^#[0-9A-Fa-f]{6}$")]


class LowContrast(Invalid):
    """Text in one colour cannot be read on the other."""

    code = "LOW_CONTRAST"


def contrast(one: str, other: str) -> float:
    """The ratio of the luminances of two colours: 1 for equal ones, 21 for black and white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(color: str, text: str | None = None) -> str:
    """The colour of text on a colour: the one given, or of black and white the better. Raises LowContrast."""
    if text is None:
        return max(BLACK, WHITE, key=lambda plain: contrast(color, plain))
    if (ratio := contrast(color, text)) < LEAST_CONTRAST:
        raise LowContrast(
            "Text in {text} on {color} has a contrast of {contrast} to 1; it takes {least} to 1 to be read.",
            path=["input", "brandTextColor"],
            text=text,
            color=color,
            contrast=round(ratio, 1),
            least=LEAST_CONTRAST,
        )
    return text


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
