"""Where providers of payments tell what has happened: kept as it came, and looked at by a job."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.api.body import read
from app.api.rejections import Rejected
from app.core.errors import Unavailable
from app.integrations.payments import BadSignature, NotVerified
from app.models import Provider
from app.services.billing.paying import provider_events, providers

MAX_BYTES = 1_048_576


def routes() -> list[Route]:
    """`/webhooks/stripe` is Stripe's, and so on."""
    return [Route(f"/webhooks/{name.value}", _door(name), methods=["POST"]) for name in providers.PROVIDERS]


def _door(name: Provider) -> Callable[[Request], Awaitable[Response]]:
    async def told(request: Request) -> Response:
        try:
            await provider_events.receive(name, await read(request, MAX_BYTES), request.headers)
        except Rejected as error:
            return PlainTextResponse(error.message, error.status, error.headers)
        except BadSignature:
            return PlainTextResponse("The signature is not the provider's for this body, or not of now.", 400)
        except (NotVerified, Unavailable, TimeoutError):
            return PlainTextResponse("Whether the provider has signed this cannot be told now.", 503)
        return Response(status_code=200)

    return told
