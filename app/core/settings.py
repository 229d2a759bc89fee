"""Settings: typed, read once from the environment (and `.env`), every bad value named at the start."""

from base64 import b64decode
from email.utils import parseaddr
from enum import StrEnum
from functools import cache
from ipaddress import ip_network
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
    redis_url: RedisUrl
    secret_key: Annotated[SecretStr, Field(min_length=32)]
    """Signs tokens and seals stored answers: 32 random characters or more."""
    public_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8000")
    """Where people reach Atrium; links in e-mails start with it, and its origin may open sockets."""
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode] = ()
    """Origins of the SPAs, separated by commas, that browsers may call from."""
    smtp_url: SmtpUrl = Url("smtp://127.0.0.1:1025")
    """smtp[s]://[user:password@]host[:port]"""
    mail_from: Annotated[str, AfterValidator(_sender)] = "Atrium <no-reply@atrium.example>"
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
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    absence_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    """How long a message waits for an absent member before an e-mail tells them."""
    organization_deletion_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """How long an organization that is to be deleted stays, and its owners may change their minds."""

    log_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How long the change log is kept, and with it the cursors of those who were away."""
    archive_url: StorageUrl | None = None
    """Where the change log goes before it is forgotten, a folder or a bucket; nowhere without it."""
    relay_url: RelayUrl | None = None
    """The RabbitMQ that gets every event as a message, amqp[s]://user:password@host[:port][/vhost]; none without it."""

    backup_url: StorageUrl | None = None
    """Where backups are kept, a folder or a bucket; none are made without it."""
    backup_key: Annotated[SecretStr, AfterValidator(_keys)] | None = None
    """Seals backups: the first of these keys what is written, any of them what is read."""
    backup_daily: Annotated[int, Field(ge=1, le=366)] = 7
    """Full backups that are kept of the last days; between them any moment can be restored."""
    backup_weekly: Annotated[int, Field(ge=0, le=520)] = 4
    backup_monthly: Annotated[int, Field(ge=0, le=600)] = 6

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
        return self

    @field_validator("backup_url", "backup_key", mode="before")
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

    @property
    def open(self) -> bool:
        """Whether introspection, suggestions, GET queries and GraphiQL are offered: in development only."""
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
