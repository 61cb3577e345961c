"""Logs that carry no secret, and a metrics registry that is nobody's global."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import structlog
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry
from structlog.types import EventDict, Processor, WrappedLogger

LogFormat = Literal["json", "console"]

REDACTED = "[redacted]"

_SECRET_KEY = re.compile(
    r"(?i)passw(or)?d|passphrase|secret|token|authori[sz]ation|credential|cookie|(api|master|private)_?key"
)
# What only speaks about a secret is wanted in a log: token_id, password_set, token_expires_at.
_ABOUT_A_SECRET = re.compile(r"(?i)_(id|ids|set|kind|name|count|expires_at|state)$")
_SECRETS_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=\-]+"), rf"\1 {REDACTED}"),
    # user:password@ in a URL
    (re.compile(r"://[^/\s:@]+:[^/\s@]+@"), f"://{REDACTED}@"),
    # SMTP's AUTH and IMAP's AUTHENTICATE with an initial response (RFC 4954, RFC 4959)
    (
        re.compile(r"(?i)\b(AUTH(?:ENTICATE)?\s+(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER))\s+[A-Za-z0-9+/=]+"),
        rf"\1 {REDACTED}",
    ),
    (re.compile(r"(?i)\b(password|client_secret|access_token|refresh_token)=[^&\s]+"), rf"\1={REDACTED}"),
)
_DEPTH = 6

# These speak at every request; what matters of them is logged by whoever called.
_QUIET = ("httpx", "httpcore", "uvicorn.access", "aiosmtplib", "aioimaplib")
_ROUTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic", "sqlalchemy", "asyncio", "py.warnings")


def configure(level: str, format: LogFormat, service: str) -> None:  # noqa: A002 - the name of the setting
    """Send everything, the standard library's loggers too, to stderr: one JSON object a line, or text for people.

    Ids bound with `structlog.contextvars` appear on every line of that task.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _of_service(service),
    ]
    numeric = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, _renderer(format)],
        )
    )
    _route(handler, numeric)


def _renderer(format: LogFormat) -> Processor:  # noqa: A002
    if format == "json":
        return structlog.processors.JSONRenderer(default=str)
    # Plain: the pretty traceback would print local variables, and with them passwords.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)


def _route(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in _ROUTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _of_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last step before rendering: values of secret keys, and secrets inside any text, at any depth."""
    return {key: _safe(key, value, _DEPTH) for key, value in event.items()}


def without_secrets(text: str) -> str:
    """`text` (such as a server's reply) with credentials in it blotted out."""
    for pattern, replacement in _SECRETS_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _safe(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever someone logs
    if value is not None and _SECRET_KEY.search(key) and not _ABOUT_A_SECRET.search(key):
        return REDACTED
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {str(k): _safe(str(k), v, depth - 1) for k, v in value.items()} if depth else "..."
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_safe("", item, depth - 1) for item in value] if depth else "..."
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_secrets(str(value))


def registry() -> CollectorRegistry:
    """A new metrics registry with what the process itself tells: memory, CPU, open files, garbage collection."""
    new = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        new.register(collector)
    return new
