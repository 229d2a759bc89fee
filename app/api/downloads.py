"""Files that a link is good for: they are fetched without a sign-in."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.core.errors import AppError
from app.services.billing.invoicing import invoice_pdfs
from app.services.live import calendar_feeds
from app.services.privacy import exports


def routes() -> list[Route]:
    """`/exports/<token>`, `/calendars/<token>.ics` and `/invoices/<token>.pdf`, or 404 for a link that is good no more.

    Nothing on the way may keep the answer.
    """
    return [
        Route("/exports/{token}", _export, methods=["GET"]),
        Route("/calendars/{token}.ics", _calendar, methods=["GET"]),
        Route("/invoices/{token}.pdf", _invoice, methods=["GET"]),
    ]


async def _export(request: Request) -> Response:
    try:
        export, content = await exports.fetch(request.path_params["token"])
    except AppError as error:
        return _gone(error)
    name = f"{export.kind.value}-{export.created_at:%Y-%m-%d}.zip"
    headers = {**_PRIVATE, "content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type="application/zip", headers=headers)


async def _calendar(request: Request) -> Response:
    try:
        content = await calendar_feeds.read(request.path_params["token"])
    except AppError as error:
        return _gone(error)
    return Response(content, media_type="text/calendar", headers=_PRIVATE)


async def _invoice(request: Request) -> Response:
    try:
        pdf, content = await invoice_pdfs.fetch(request.path_params["token"])
    except AppError as error:
        return _gone(error)
    name = f"filename=\"{pdf.of}.pdf\"; filename*=UTF-8''{quote(pdf.number, safe='')}.pdf"
    headers = {**_PRIVATE, "content-disposition": f"attachment; {name}", "content-length": str(pdf.size)}
    return StreamingResponse(content, media_type="application/pdf", headers=headers)


def _gone(error: AppError) -> Response:
    return JSONResponse({"error": error.message, "code": error.code}, 404, _PRIVATE)


_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
