"""Rounds: a long, busy conversation out of a few patterns.

The blocks of such a script are patterns, played again and again in a shuffled order. `a`, `b`, `c` and `d` stand for
members drawn for each round, `{b}` in a text for the first name of one, and `{day}` or any other slot for one of the
words, separated by bars, that the header lists for it.
"""

import random
import re
from collections.abc import Mapping

from app.seeds.people import PEOPLE

Block = list[str]

_ROLES = "abcd"
_REACTION = re.compile(r"(?<=\[)([^\w\]]+)((?: [a-d])+)(?=\])")


def played(name: str, patterns: list[Block], header: Mapping[str, str], members: list[str]) -> list[Block]:
    """As many blocks as the header says; the same ones each time."""
    dice = random.Random(name)  # noqa: S311 - the same each time
    slots = {slot: words.split(" | ") for slot, words in header.items() if " | " in words}
    order: list[Block] = []
    while len(order) < int(header["rounds"]):
        order += dice.sample(patterns, len(patterns))
    blocks = []
    for pattern in order[: int(header["rounds"])]:
        cast = dict(zip(_ROLES, dice.sample(members, len(_ROLES)), strict=True))
        words = {slot: dice.choice(choices) for slot, choices in slots.items()}
        words |= {role: PEOPLE[person].first_name for role, person in cast.items()}
        blocks.append([_cast(line, cast).format(**words) for line in pattern])
    return blocks


def _cast(line: str, cast: Mapping[str, str]) -> str:
    role, text = line.split(": ", 1)
    reacted = _REACTION.sub(lambda match: match[1] + "".join(f" {cast[one]}" for one in match[2].split()), text)
    return f"{cast[role]}: {reacted}"
