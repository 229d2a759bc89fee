"""Draws every e-mail in a real browser, light, dark and narrow, a sheet for each, into docs/images/emails; and an
invoice in each language of the server into docs/images/invoices.
"""

import asyncio
import os
from base64 import b64encode
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize

from app.services.billing.invoicing import invoice_pdfs
from app.services.notifications.kinds import KINDS
from app.services.notifications.letters import Look, ours
from app.services.notifications.templates import shown
from tests.browser import chromium
from tests.services.billing.invoices import SAMPLES

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FOLDER, INVOICES = IMAGES / "emails", IMAGES / "invoices"
VIEWS = ((640, "light"), (640, "dark"), (360, "light"))
"""Widths of windows, and what their owners like."""
SHEET = 1_000
PPI = 80
"""Pixels an inch of an invoice."""
RIGHT_TO_LEFT = ("invitation", "ar")
"""One more sheet, since it is laid out the other way."""
LOOK = Look("Birch School", "#1d6b45", "#ffffff", "Birch School")


NOWHERE = {
    "MONGODB_URI": "mongodb://127.0.0.1:1",
    "REDIS_URL": "redis://127.0.0.1:1",
    "SECRET_KEY": "for pictures only" * 2,
}
"""Drawing needs no servers, but settings name some."""


async def main() -> None:
    os.environ |= NOWHERE
    await _invoices()
    await _emails()


async def _invoices() -> None:
    INVOICES.mkdir(parents=True, exist_ok=True)
    for language, invoice in SAMPLES.items():
        [page] = await invoice_pdfs.pictures(invoice, ppi=PPI)
        (INVOICES / f"{language}.png").write_bytes(page)


async def _emails() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for kind, language in [*((kind, "en") for kind in KINDS), RIGHT_TO_LEFT]:
            html = shown(kind, language, ours(kind, language), LOOK).html
            sheet = await _sheet(browser, [await _view(browser, html, width, scheme) for width, scheme in VIEWS])
            (FOLDER / f"{kind}{'' if language == 'en' else f'.{language}'}.jpg").write_bytes(sheet)


async def _view(browser: Browser, html: str, width: int, scheme: str) -> bytes:
    page = await _page(browser, width)
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_content(html)
    taken = await page.screenshot(full_page=True)
    await page.close()
    return taken


async def _sheet(browser: Browser, views: list[bytes]) -> bytes:
    """The views beside each other, in the proportion of their widths."""
    page = await _page(browser, SHEET)
    style = "body { margin: 8px; display: flex; gap: 8px; align-items: start; background: #888 } img { min-width: 0 }"
    shown = "".join(
        f'<img style="flex: {width}" src="data:image/png;base64,{b64encode(view).decode()}">'
        for view, (width, _) in zip(views, VIEWS, strict=True)
    )
    await page.set_content(f"<style>{style}</style>{shown}")
    taken = await page.screenshot(full_page=True, type="jpeg", quality=55)
    await page.close()
    return taken


async def _page(browser: Browser, width: int) -> Page:
    return await browser.new_page(viewport=ViewportSize(width=width, height=100))


if __name__ == "__main__":
    asyncio.run(main())
