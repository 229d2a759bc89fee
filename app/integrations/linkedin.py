"""Sign In with LinkedIn using OpenID Connect
(https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2)."""

from app.integrations.oidc import Endpoints, Provider

PROVIDER = Provider(
    "linkedin",
    "https://www.linkedin.com/oauth",
    returns_nonce=False,  # its ID tokens have none; the code is bound to us by PKCE all the same
    endpoints=Endpoints(
        authorization="https://www.linkedin.com/oauth/v2/authorization",
        token="https://www.linkedin.com/oauth/v2/accessToken",  # noqa: S106 - an address
        keys="https://www.linkedin.com/oauth/openid/jwks",
    ),
)


def provider() -> Provider:
    return PROVIDER
