"""Scripts: conversations written down as text, one file each in `texts/`.

A file begins with a header: `title` (a direct conversation has none), `members` (the founder first), `began` and
`ended` (how long ago, in days or hours: `12d`, `5h`), and `unread` (`ada 2`: Ada has not read the last two messages).
After it come blocks of lines, `sender: text`; a block is an exchange of some minutes. Notes in brackets may end a line:

    [as page] [to page]           names the message; answers the last one of that name
    [edited] [deleted]            it was changed; it was taken back
    [file name media/type size]   it points to a file
    [👍 ada grace]                these people reacted with this emoji

Members that a text names with an @ are mentioned by it. A header with `rounds` makes the blocks patterns: see `rounds`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files

from app.seeds import rounds
from app.seeds.rounds import Block

_LINE = re.compile(r"(?P<sender>\w+): (?P<text>.*?)(?P<notes>(?: \[[^\]]+\])*)")
_NOTE = re.compile(r"\[([^\]]+)\]")
_AGO = {"d": "days", "h": "hours"}


@dataclass(frozen=True, slots=True)
class File:
    name: str
    media_type: str
    size: int


@dataclass(slots=True)
class Line:
    """One message. `answers` is the index of the message it replies to; reactions are pairs of emoji and person."""

    sender: str
    text: str
    answers: int | None = None
    edited: bool = False
    deleted: bool = False
    file: File | None = None
    reactions: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Script:
    """A conversation: `blocks` are the numbers of messages in each exchange, `unread` is counted from the end."""

    name: str
    title: str | None
    members: list[str]
    began: timedelta
    ended: timedelta
    unread: Mapping[str, int]
    blocks: list[int]
    lines: list[Line]


def scripts(folder: str) -> list[Script]:
    """Every script of one organization, by name."""
    texts = files(__package__).joinpath("texts", folder)
    found = sorted(texts.iterdir(), key=lambda file: file.name)
    return [read(f"{folder}/{file.name.removesuffix('.txt')}", file.read_text("utf-8")) for file in found]


def read(name: str, text: str) -> Script:
    head, *parts = text.strip().split("\n\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    blocks: list[Block] = [part.splitlines() for part in parts]
    members = header["members"].split()
    if "rounds" in header:
        blocks = rounds.played(name, blocks, header, members)
    unread = header.get("unread", "").split()
    return Script(
        name,
        header.get("title"),
        members,
        _ago(header["began"]),
        _ago(header["ended"]),
        dict(zip(unread[::2], map(int, unread[1::2]), strict=True)),
        [len(block) for block in blocks],
        list(_lines(blocks)),
    )


def _lines(blocks: list[Block]) -> Iterator[Line]:
    names: dict[str, int] = {}
    for index, source in enumerate(line for block in blocks for line in block):
        match = _LINE.fullmatch(source)
        if match is None:
            raise ValueError(f"not a line of a script: {source}")
        line = Line(match["sender"], match["text"].replace("\\n", "\n"))
        for note in _NOTE.findall(match["notes"]):
            word, *rest = note.split()
            if word == "as":
                names[rest[0]] = index
            elif word == "to":
                line.answers = names[rest[0]]
            elif word == "file":
                line.file = File(rest[0], rest[1], int(rest[2]))
            elif word == "edited":
                line.edited = True
            elif word == "deleted":
                line.deleted = True
            else:
                line.reactions += [(word, person) for person in rest]
        yield line


def _ago(words: str) -> timedelta:
    return timedelta(**{_AGO[words[-1]]: int(words[:-1])})
