"""Facebook Login with OpenID Connect (https://developers.facebook.com/docs/facebook-login/guides/advanced/oidc-token).

It does not say whether an address was verified: people can add Facebook to their account, and sign in with it then.
"""

from app.integrations.oidc import Endpoints, Provider

PROVIDER = Provider(
    "facebook",
    "https://www.facebook.com",
    scope="openid email",
    endpoints=Endpoints(
        authorization="https://www.facebook.com/dialog/oauth",
        token="https://graph.facebook.com/oauth/access_token",  # noqa: S106 - an address
        keys="https://www.facebook.com/.well-known/oauth/openid/jwks/",
    ),
)


def provider() -> Provider:
    return PROVIDER
