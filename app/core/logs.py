"""Logs: one line an event on standard output, JSON for machines or text for people, without secrets.

Everything goes through one handler, so that the records of libraries look like Atrium's own and pass the same
redaction.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.core.lines import Lines
from app.core.settings import Settings

REDACTED = "[redacted]"

_log = structlog.get_logger(__name__)

_SECRET_NAME = re.compile(
    r"authorization|cookie|password|passwd|passphrase|secret|api[_-]?key|private[_-]?key|credential"
    r"|(?:^|[_-]|access|refresh|id|csrf)tokens?$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/@]*:[^\s/@]*(?=@)"  # scheme://user:password@host
    r"|(?P<bearer>\b(?:Bearer|Basic)\s+)[\w.~+/=-]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|\batr_(?:live|token)_[\w.-]+"  # an API key, or a token of one
    r"|(?P<pair>\b(?:authorization|password|passwd|secret|(?:access_?|refresh_?)?token|cookie|api_?key)"
    r"\\?['\"]?\s*[:=]\s*\\?)(?:\"[^\"]*\"|'[^']*'|(?:(?:Bearer|Basic)\s+)?[^\s,;&\"'}]+)",
    re.IGNORECASE,
)


def redact(value: Any) -> Any:
    """The value with every secret in it replaced: what a secret's name points at, and text that looks like one."""
    if isinstance(value, str):
        return _SECRET_VALUE.sub(_keep_label, value)
    if isinstance(value, Mapping):
        return {k: REDACTED if _names_secret(k, v) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


_lines: Lines | None = None
_silent = False
"""Whether nobody hears what is said on level `info`."""


def say_often(event: str, **facts: Any) -> None:
    """Log, on level `info`, something that happens all the time; every value is Atrium's own, and none is a secret."""
    if _lines is not None:
        _lines.write(event, "info", facts)
    elif not _silent:
        _log.info(event, **facts)


def configure(settings: Settings) -> None:
    """Set up logging for this process: structlog's and the standard library's."""
    global _lines, _silent
    level = settings.log_level.upper()
    _silent = level not in ("DEBUG", "INFO")
    _lines = Lines(sys.stdout) if settings.log_format == "json" and level in ("DEBUG", "INFO") else None
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = _as_json
    if settings.log_format == "text":
        plain = structlog.dev.plain_traceback  # the others show local variables
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _without_color_message],
            processors=[
                _add_logger_name,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # PyMongo's debug records hold commands, and with them what people wrote.
    for name in ("pymongo", "asyncio", "websockets", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # arq tells twice of each job, which here is only a wake-up.
    logging.getLogger("arq").setLevel(max(logging.WARNING, root.level))


def _names_secret(name: object, value: object) -> bool:
    """Whether the value is one to hide; a number under such a name is a count, and nothing is no secret."""
    return not isinstance(value, bool | int | float | None) and bool(_SECRET_NAME.search(str(name)))


def _keep_label(match: re.Match[str]) -> str:
    return (match["scheme"] or match["bearer"] or match["pair"] or "") + REDACTED


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return redact(event)  # type: ignore[no-any-return]


def _add_logger_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The name of a library's logger; Atrium's events speak for themselves."""
    if not event["_from_structlog"]:
        event["logger"] = event["_record"].name
    return event


def _without_color_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)
    return event


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
