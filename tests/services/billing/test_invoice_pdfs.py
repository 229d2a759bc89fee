"""BIL-7: invoices as PDFs that can be archived, in every language of the server."""

import asyncio
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest

from app.core import clock
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import NotFound
from app.core.typesetting import NotTypeset
from app.core.words import languages
from app.services.billing.invoicing import invoice_pdfs
from app.services.billing.invoicing.invoice_pdfs import LineShown
from app.services.identity import tokens
from tests.services.billing.invoices import ENGLISH, FRENCH, HINDI, SAMPLES, euros

MARKS = re.compile("[\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069\ufffe\u00ad]")
"""What directs text, and is not read."""


def read(content: bytes) -> str:
    """What somebody reads in a PDF, with every stretch of blanks as one."""
    return plain(" ".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(content)))


def plain(text: str) -> str:
    return " ".join(MARKS.sub("", unicodedata.normalize("NFKC", text)).split())


EXPECTED = {
    "en": ["Invoice", "BS-2026-000042", "November 30, 2026", "Bill to", "Ada Lovelace", "VAT 7.5%", "NGN31,427.09"],
    "fr": ["Facture", "ÉT-2026-000007", "1 février 2026", "Éditions de l’Œuvre SARL", "1 000,00 €", "DE136695976"],
    "hi": ["बीजक", "GP-2026-000128", "5 अप्रैल 2026", "श्रीमती लक्ष्मी कृष्णन", "IGST 18%", "₹2,358.82"],
    "ar": ["إشعار دائن", "MN-2026-000015", "فاطمة الزهراء", "17 مايو 2026", "اشتراك شهري", "MN-2026-000009"],
}


def test_there_is_an_invoice_in_each_language() -> None:
    assert SAMPLES.keys() == EXPECTED.keys() == languages().keys()


@pytest.mark.parametrize("language", SAMPLES)
async def test_what_an_invoice_shows_can_be_read_back(language: str) -> None:
    invoice = SAMPLES[language]
    content = await invoice_pdfs.typeset(invoice)
    text = read(content)
    said = [*EXPECTED[language], invoice.number, invoice.seller.name, invoice.buyer.name]
    said += [line.description for line in invoice.lines]
    if language == "ar":  # the reader at hand orders the parts of numbers anew where words go right to left
        said, text = [part for one in said for part in re.split("[ -]", one)], text.replace("-", " ")
    assert [one for one in said if plain(one) not in text] == [], text
    assert b"<pdfaid:part>2</pdfaid:part>" in content, "it says that it is a PDF/A"
    assert content == await invoice_pdfs.typeset(invoice), "the same invoice is the same bytes"


async def test_the_reverse_charge_and_what_is_left_to_pay_are_shown() -> None:
    text = read(await invoice_pdfs.typeset(FRENCH))
    assert plain("Autoliquidation") in text
    assert plain("PO-4711") in text


@pytest.mark.parametrize("letters", ["日本語", "ไทย"])
async def test_what_no_font_has_is_refused_and_not_drawn_as_a_box(letters: str) -> None:
    with pytest.raises(NotTypeset, match="font"):
        await invoice_pdfs.typeset(replace(ENGLISH, lines=[LineShown(letters, euros(1))]))


COMMANDS = ["#panic()", "*bold*", "$x$", "\\\\", '"', "= Title", "// gone", '#include "x"', "@a <b>", "#let x = 1"]


async def test_nothing_that_an_invoice_shows_is_a_command() -> None:
    lines = [LineShown(text, euros(1), detail=f"({text})") for text in COMMANDS]
    said = read(await invoice_pdfs.typeset(replace(ENGLISH, lines=lines, sender=COMMANDS[0], number=COMMANDS[1])))
    assert [text for text in COMMANDS if said.count(text) < 2] == [], said


async def test_many_lines_take_several_pages_each_with_its_number() -> None:
    many = replace(ENGLISH, lines=[LineShown(f"Line {n}", euros(n)) for n in range(120)])
    content = await invoice_pdfs.typeset(many)
    text, pages = read(content), len(pypdfium2.PdfDocument(content))
    assert pages > 3
    assert all(f"Page {n} of {pages}" in text for n in range(1, pages + 1))
    assert all(f"Line {n} " in text for n in range(120))


async def test_others_go_on_while_one_is_typeset() -> None:
    """It is another thread's work: the loop answers meanwhile."""
    many = replace(HINDI, lines=[LineShown(f"पंक्ति {n}", euros(n)) for n in range(150)])
    task, turns = asyncio.create_task(invoice_pdfs.typeset(many)), 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert await task
    assert turns > 10


@pytest.mark.usefixtures("documents")
async def test_one_is_kept_once_and_fetched_by_a_link_for_a_while(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, id = Actor.platform(new_id()), new_id()
    first = await invoice_pdfs.keep(seller, id, HINDI)
    assert first
    again = await invoice_pdfs.keep(seller, id, ENGLISH)
    assert again
    assert (again.id, again.digest) == (first.id, first.digest), "what was sent to somebody stays"
    assert [path.read_bytes()[:5] for path in kept.rglob("*.pdf")] == [b"%PDF-"]
    (url,) = (await invoice_pdfs.urls(seller, [id, new_id()])).values()
    token = url.rpartition("/")[2].removesuffix(".pdf")
    row, content = await invoice_pdfs.fetch(token)
    assert b"".join([piece async for piece in content]) == await invoice_pdfs.typeset(HINDI)
    assert row.number == HINDI.number
    for bad in (token[:-1] + "A", tokens.file(row.id, 2**40), tokens.invoice(new_id(), 2**40), "x", ""):
        with pytest.raises(NotFound):
            await invoice_pdfs.fetch(bad)
    await invoice_pdfs.remove_of(new_id())
    assert list(kept.rglob("*.pdf"))
    assert seller.organization_id
    await invoice_pdfs.remove_of(seller.organization_id)
    assert not list(kept.rglob("*.pdf"))
    later = clock.source() + 2 * invoice_pdfs.STEP + 1
    monkeypatch.setattr(clock, "source", lambda: later)
    with pytest.raises(NotFound):
        await invoice_pdfs.fetch(token)
