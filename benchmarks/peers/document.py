"""The part of a document that a program writes: all between two comments."""

BEGIN = "<!-- begin: written by make bench-peers -->"
END = "<!-- end: written by make bench-peers -->"


class MarkersMissing(Exception):
    """The document does not say where the part belongs."""


def rewritten(text: str, part: str) -> str:
    """The document with this between its markers. Raises MarkersMissing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MarkersMissing(f"The document needs the lines {BEGIN} and {END}, in this order.")
    return f"{before}{BEGIN}\n\n{part.strip()}\n\n{END}{after}"
