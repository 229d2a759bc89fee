"""PDFs that were kept, as somebody reads them."""

import pypdfium2

from app.services.billing.invoicing import invoice_pdfs


async def read(url: str) -> str:
    """What somebody reads who follows a link."""
    _, content = await invoice_pdfs.fetch(url.rpartition("/")[2].removesuffix(".pdf"))
    pdf = pypdfium2.PdfDocument(b"".join([piece async for piece in content]))
    return " ".join(pdf[0].get_textpage().get_text_bounded().split())
