"""Sign in with Google (https://developers.google.com/identity/openid-connect/openid-connect)."""

from app.core.settings import settings
from app.integrations.oidc import Provider


def provider() -> Provider:
    return Provider("google", settings().google_issuer)
