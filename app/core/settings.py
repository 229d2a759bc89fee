"""Settings: typed, read once from the environment (and `.env`), every bad value named at the start."""

from base64 import b64decode, urlsafe_b64decode
from email.utils import parseaddr
from enum import StrEnum
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    SecretStr,
    UrlConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import Url
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Environment(StrEnum):
    DEV = "dev"
    STAGING = "staging"
    PRODUCTION = "production"


RedisUrl = Annotated[Url, UrlConstraints(allowed_schemes=["redis", "rediss"], host_required=True)]
SmtpUrl = Annotated[Url, UrlConstraints(allowed_schemes=["smtp", "smtps"], host_required=True)]
Execution = Literal["compiled", "stock", "compare"]
ClamavUrl = Annotated[Url, UrlConstraints(allowed_schemes=["tcp", "unix"])]
RelayUrl = Annotated[Url, UrlConstraints(allowed_schemes=["amqp", "amqps"], host_required=True)]


Origin = Annotated[str, Field(pattern=r"^https?://[^/\s,*]+$")]


def _sender(value: str) -> str:
    if "@" not in parseaddr(value)[1]:
        raise ValueError("must be an address, such as Atrium <no-reply@example.com>")
    return value


def _keys(value: SecretStr) -> SecretStr:
    try:
        lengths = {len(b64decode(part.strip(), validate=True)) for part in value.get_secret_value().split(",")}
    except ValueError:
        lengths = set()
    if lengths != {32}:
        raise ValueError("must be 32 random bytes in base64, or several such keys separated by commas")
    return value


def _networks(value: str) -> str:
    for part in value.split(","):
        ip_network(part.strip(), strict=False)  # its ValueError says what is wrong
    return value


def _without_credentials(url: str) -> str:
    if url.startswith("s3:") and "@" in url:
        raise ValueError("must not hold credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return url


StorageUrl = Annotated[str, Field(pattern=r"^(file:///|s3://)[^?#]+$"), AfterValidator(_without_credentials)]
"""A folder or a bucket."""


class SettingsError(Exception):
    """The environment cannot be used; the message lists every variable to mend, one a line."""


class Settings(BaseSettings):
    """Every knob of Atrium. The environment variable of a field is its name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    atrium_env: Environment = Environment.PRODUCTION
    mongodb_uri: Annotated[str, Field(pattern=r"^mongodb(\+srv)?://.+")]
    mongodb_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,38}$")] = "atrium"
    mongodb_fast_reads: bool = True
    """Reads go past PyMongo's cursors where that is safe (`core.queries`); off if they are ever suspected."""
    redis_url: RedisUrl
    secret_key: Annotated[SecretStr, Field(min_length=32)]
    """Signs tokens and seals stored answers: 32 random characters or more."""
    master_key: Annotated[SecretStr, AfterValidator(_keys)] | None = None
    """Wraps the data keys of people and organizations: the first of these keys new ones, any of them those there are.
    Without it, a key that follows from SECRET_KEY does."""
    public_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8000")
    """Where people reach Atrium; links in e-mails start with it, and its origin may open sockets."""
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode] = ()
    """Origins of the SPAs, separated by commas, that browsers may call from."""
    smtp_url: SmtpUrl = Url("smtp://127.0.0.1:1025")
    """smtp[s]://[user:password@]host[:port]"""
    mail_from: Annotated[str, AfterValidator(_sender)] = "Atrium <no-reply@atrium.example>"
    mail_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """How many e-mails a provider is given a minute, by all processes together."""
    mail_providers: Annotated[tuple[Literal["smtp", "resend"], ...], NoDecode, Field(min_length=1)] = ("smtp",)
    """Who takes e-mails, separated by commas: the first, and the others while those before are sick."""
    resend_api_key: SecretStr | None = None
    resend_webhook_secret: SecretStr | None = None
    """Signs what Resend tells at /webhooks/resend; nothing is believed without it."""
    resend_url: AnyHttpUrl = AnyHttpUrl("https://api.resend.com")
    stripe_secret_key: SecretStr | None = None
    """Of the platform's account at Stripe; no payment can be made by Stripe without it."""
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Separated by commas, those that sign what Stripe tells at /webhooks/stripe; nothing is believed without one."""
    stripe_api_url: AnyHttpUrl = AnyHttpUrl("https://api.stripe.com")
    razorpay_key_id: str = ""
    """Of the platform's account at Razorpay; no payment can be made by Razorpay without it and its secret."""
    razorpay_key_secret: SecretStr | None = None
    razorpay_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Separated by commas, those that sign what Razorpay tells at /webhooks/razorpay; nothing is believed without."""
    razorpay_payout_account: str = ""
    """The account at RazorpayX from which money is sent, by the same key; none is without it."""
    razorpay_api_url: AnyHttpUrl = AnyHttpUrl("https://api.razorpay.com")
    paypal_client_id: str = ""
    """Of the platform's app at PayPal; no payment can be made by PayPal without it and its secret."""
    paypal_client_secret: SecretStr | None = None
    paypal_webhook_ids: Annotated[tuple[str, ...], NoDecode] = ()
    """Separated by commas, what PayPal calls the webhooks at /webhooks/paypal; nothing is believed without one."""
    paypal_api_url: AnyHttpUrl = AnyHttpUrl("https://api-m.paypal.com")
    paypal_certificates_url: AnyHttpUrl = AnyHttpUrl("https://api.paypal.com/v1/notifications/certs/")
    """What the address of a certificate that signs a webhook of PayPal's begins with."""
    paypal_certificate_roots: Path | None = None
    """Who vouches for those certificates, in PEM; those whom everybody trusts if it is left out."""
    coinbase_key_id: str = ""
    """Of the platform's business account at Coinbase; no payment can be made there without it and its secret."""
    coinbase_key_secret: SecretStr | None = None
    """An Ed25519 key in Base64, or a key in PEM, as Coinbase gives it."""
    coinbase_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Separated by commas, those that sign what Coinbase tells at /webhooks/coinbase; nothing is believed without."""
    coinbase_api_url: AnyHttpUrl = AnyHttpUrl("https://business.coinbase.com/api/v1")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.1"
    """Addresses and networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 5
    """How long a stopping server still accepts after `/readyz` began to answer 503, so that load balancers notice."""
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Where this process shows its figures to Prometheus; 0: nowhere."""
    demo_data: bool = False
    """The database holds the demonstration's data: in development GraphiQL offers to sign in as its people."""

    access_token_seconds: Annotated[int, Field(ge=30, le=86_400)] = 600
    impersonation_seconds: Annotated[int, Field(ge=60, le=1_800)] = 1_800
    """For how long somebody on the staff acts as a person; then they have to begin again, and say why."""
    signing_key_days: Annotated[int, Field(ge=1, le=365)] = 30
    """After how long another key signs access tokens; `atrium keys rotate` does it at once."""
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    firebase_project_id: str | None = None
    """The Firebase project whose ID tokens sign people in; none do without it."""
    google_client_id: str | None = None
    """What Atrium is called at Google; nobody signs in there without it. Likewise at Facebook and LinkedIn."""
    google_client_secret: SecretStr | None = None
    google_issuer: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] = "https://accounts.google.com"
    """Another than Google's own is for tests only."""
    facebook_client_id: str | None = None
    facebook_client_secret: SecretStr | None = None
    linkedin_client_id: str | None = None
    linkedin_client_secret: SecretStr | None = None
    passkey_domain: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] | None = None
    """The domain that passkeys belong to, of which the SPAs' hosts are part; without it the host of `public_url`."""
    places_database: Path | None = None
    """A file of MaxMind's format (GeoLite2-City.mmdb and such) that says where addresses are; nobody knows without."""
    egress_networks: Annotated[str, AfterValidator(_networks)] | None = None
    """Networks, separated by commas, that URLs of users may lead to besides public addresses, and in the clear too."""
    absence_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    """How long a message waits for an absent member before an e-mail tells them."""
    password_memory_mib: Annotated[int, Field(ge=19, le=1024)] = 64
    """Memory that the hash of a password takes, and with it time; OWASP asks for 19 at least."""
    proof_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """How long after people have proved who they are they may do what is sensitive."""
    twilio_account_sid: str | None = None
    """Whose account sends text messages; none are sent without it."""
    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None
    """The number that they come from, in E.164."""
    twilio_url: AnyHttpUrl = AnyHttpUrl("https://api.twilio.com")
    texts_per_organization: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """How many text messages an organization's notifications may be in 24 hours: each costs money."""
    firebase_credentials: Path | None = None
    """The file of a service account that sends messages to apps; none are sent without it."""
    vapid_key: SecretStr | None = None
    """By which browsers know who sends them messages: 32 bytes in URL-safe Base64; none are sent without it."""
    breaches_url: AnyHttpUrl | None = None
    """Who is asked whether a password is known from a breach, as api.pwnedpasswords.com/range is; nobody without it."""
    seats_per_organization: Annotated[int, Field(ge=1)] = 10_000
    """Members and open invitations that an organization may have, unless staff has set it another limit."""
    organization_deletion_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """How long an organization that is to be deleted stays, and its owners may change their minds."""

    rate_limits: bool = True
    """Whether requests are counted at all."""
    rate_free: Annotated[int, Field(ge=1)] = 100
    """Points an hour for each person and API key of an organization of the tier FREE; it has ten times that an hour."""
    rate_standard: Annotated[int, Field(ge=1)] = 1_000
    rate_scale: Annotated[int, Field(ge=1)] = 10_000
    rate_anonymous: Annotated[int, Field(ge=1)] = 1_000
    """Points an hour for each address from which nobody has signed in."""
    limits_without_redis: Literal["open", "closed"] = "open"
    """What happens to what is counted in Redis while Redis is away: nothing passes (`closed`), or attempts pass and
    each process counts requests by itself (`open`)."""

    erasure_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """How long a person who is to be erased stays, and may change their mind."""

    log_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How long the change log is kept, and with it the cursors of those who were away."""
    archive_url: StorageUrl | None = None
    """Where the change log goes before it is forgotten, a folder or a bucket; nowhere without it."""
    relay_url: RelayUrl | None = None
    """The RabbitMQ that gets every event as a message, amqp[s]://user:password@host[:port][/vhost]; none without it."""

    audit_days: Annotated[int, Field(ge=30, le=36_500)] = 730
    """How long entries of the audit trail are kept; the signed heads of what is gone stay."""
    audit_key: Annotated[SecretStr, AfterValidator(_keys)] | None = None
    """Signs the heads of the audit trail: the first of these Ed25519 seeds new ones, any of them those there are.
    Without it, a key that follows from SECRET_KEY does."""

    media_url: StorageUrl | None = None
    """Where the content of files is kept, a folder or a bucket; none are taken without it, nor without a CLAMAV_URL."""
    media_max_bytes: Annotated[int, Field(ge=1_024, le=1_073_741_824)] = 26_214_400
    """Bytes of a file at most; clamd's StreamMaxLength, MaxScanSize and MaxFileSize have to be as much."""
    clamav_url: ClamavUrl | None = None
    """The clamd that looks at files, tcp://host[:port] or unix:///a/socket."""

    usage_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How often each process records the API calls that it has answered."""
    fonts_folder: Path | None = None
    """Fonts besides our own, for invoices in other scripts than Latin, Greek, Cyrillic, Arabic and Devanagari."""

    backup_url: StorageUrl | None = None
    """Where backups are kept, a folder or a bucket; none are made without it."""
    backup_key: Annotated[SecretStr, AfterValidator(_keys)] | None = None
    """Seals backups: the first of these keys what is written, any of them what is read."""
    backup_daily: Annotated[int, Field(ge=1, le=366)] = 7
    """Full backups that are kept of the last days; between them any moment can be restored."""
    backup_weekly: Annotated[int, Field(ge=0, le=520)] = 4
    backup_monthly: Annotated[int, Field(ge=0, le=600)] = 6

    graphql_execution: Execution = "compiled"
    """Who executes operations: compiled code, graphql-core (`stock`), or both for queries, to compare their results."""
    graphql_documents: Literal["any", "trusted"] = "any"
    """Which documents run: whatever clients send, or only those that `atrium operations push` has registered."""
    persisted_query_days: Annotated[int, Field(ge=1, le=365)] = 7
    """How long an automatic persisted query is known after its last use."""
    response_cache_bytes: Annotated[int, Field(ge=0, le=4_294_967_296)] = 67_108_864
    """How much each process keeps of answers in memory, and at most in Redis as well; 0: nothing is kept."""

    graphql_get: bool = False
    """Whether queries by GET, which caches on the way may keep, are answered outside development too."""
    graphql_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    graphql_max_body_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = 131_072
    graphql_max_tokens: Annotated[int, Field(ge=100)] = 2_000
    graphql_max_depth: Annotated[int, Field(ge=3)] = 12
    graphql_max_fields: Annotated[int, Field(ge=10)] = 500
    graphql_max_aliases: Annotated[int, Field(ge=1)] = 30
    graphql_max_directives: Annotated[int, Field(ge=1)] = 50
    graphql_max_cost: Annotated[int, Field(ge=100)] = 5_000

    @model_validator(mode="before")
    @classmethod
    def _origins(cls, values: dict[str, object]) -> dict[str, object]:
        origins = values.get("allowed_origins")
        if isinstance(origins, str):
            values["allowed_origins"] = tuple(o.strip().rstrip("/") for o in origins.split(",") if o.strip())
        return values

    @model_validator(mode="after")
    def _grace(self) -> Self:
        if not self.organization_deletion_grace_days and self.atrium_env is not Environment.DEV:
            raise ValueError("ORGANIZATION_DELETION_GRACE_DAYS may be 0 in dev only")
        if not self.erasure_grace_days and self.atrium_env is not Environment.DEV:
            raise ValueError("ERASURE_GRACE_DAYS may be 0 in dev only")
        return self

    @model_validator(mode="after")
    def _texts(self) -> Self:
        if self.twilio_account_sid and not (self.twilio_auth_token and self.twilio_from):
            raise ValueError("TWILIO_ACCOUNT_SID needs TWILIO_AUTH_TOKEN and TWILIO_FROM")
        return self

    @field_validator("mail_providers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator(
        "stripe_webhook_secrets",
        "razorpay_webhook_secrets",
        "paypal_webhook_ids",
        "coinbase_webhook_secrets",
        mode="before",
    )
    @classmethod
    def _secrets(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _posted(self) -> Self:
        if "resend" in self.mail_providers and not self.resend_api_key:
            raise ValueError("MAIL_PROVIDERS names resend, which needs RESEND_API_KEY")
        return self

    @field_validator("vapid_key")
    @classmethod
    def _scalar(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(urlsafe_b64decode(value.get_secret_value() + "==")) != 32:
            raise ValueError("32 bytes in URL-safe Base64 are wanted, as `npx web-push generate-vapid-keys` makes them")
        return value

    @field_validator("media_url", "clamav_url", "backup_url", "backup_key", "master_key", "audit_key", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _sealed(self) -> Self:
        if self.backup_url and not self.backup_key:
            raise ValueError(
                "BACKUP_KEY is missing, and backups are never stored in the clear. Make one, and keep a copy where "
                "neither the database nor the backups are: openssl rand -base64 32"
            )
        return self

    def address(self, path: str) -> str:
        """Where others find what is at a path of ours, which begins without a slash."""
        return f"{self.public_url}".rstrip("/") + f"/{path}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Our own origin, and those of the SPAs."""
        return (f"{self.public_url}".rstrip("/"), *self.allowed_origins)

    @property
    def open(self) -> bool:
        """Whether introspection, suggestions and GraphiQL are offered: in development only."""
        return self.atrium_env is Environment.DEV


@cache
def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = []
    for one in error.errors(include_url=False, include_input=False):
        name = str(one["loc"][0]).upper() if one["loc"] else "settings"
        lines.append(f"  {name}: {'is missing' if one['type'] == 'missing' else one['msg']}")
    return "The settings are not usable (.env.example explains each):\n" + "\n".join(lines)
