"""The web server around the service: its certificate, its ports, and an orderly end."""

import signal
import ssl
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from config_api.settings import Settings
from ece_common.errors import Invalid


class _Server(uvicorn.Server):
    """uvicorn waits for open requests before it shuts down; the long polls are told to end first."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: object) -> None:
        self._ending()
        super().handle_exit(sig, frame)  # pyright: ignore[reportArgumentType] - a frame, as signal() hands it over


def check_certificate(settings: Settings) -> None:
    """Raise `Invalid` unless the certificate and its key can be served with."""
    if not settings.tls_cert:
        if settings.tls_key:
            raise Invalid.field("tls_cert", "is required beside ECE_TLS_KEY")
        return
    try:
        # A pass phrase, which OpenSSL would ask a terminal for, is wrong rather than awaited.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except ssl.SSLError as problem:
        why = problem.reason or "no PEM"
        raise Invalid.field("tls_cert", f"and ECE_TLS_KEY must be a PEM certificate and its key ({why})") from None
    except OSError as problem:
        raise Invalid.field(
            "tls_cert", f"and ECE_TLS_KEY must be files that can be read: {problem.strerror}"
        ) from None


def serve(app: FastAPI, settings: Settings, ending: Callable[[], None]) -> None:
    """Until SIGTERM. `ending` is called first of all then."""
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
    )
    # uvicorn repeats the signal once it has shut down in order; ended by a signal, a pod counts as failed.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    _Server(config, ending).run()


def serve_metrics(app: FastAPI, settings: Settings) -> None:
    """On a port of their own, where one is set. Raise `Invalid` when it cannot be had."""
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, addr=settings.listen_host, registry=app.state.registry)
    except OSError as problem:
        raise Invalid.field("metrics_port", f"cannot be listened on: {problem.strerror}") from None
