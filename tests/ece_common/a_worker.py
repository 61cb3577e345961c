"""A worker process for tests: python -m tests.ece_common.a_worker KIND PORT [METRICS_PORT]."""

import asyncio
import sys

from prometheus_client import CollectorRegistry

from ece_common import operations, telemetry, worker


async def until_stopped(stop: asyncio.Event) -> None:
    print("running", type(asyncio.get_running_loop()).__module__.partition(".")[0], flush=True)
    await stop.wait()
    print("gave back", flush=True)


async def deaf(_stop: asyncio.Event) -> None:
    print("running", flush=True)
    await asyncio.Event().wait()


async def deaf_and_patient(stop: asyncio.Event) -> None:
    """Runs under a long time for shutdown, and says when it was told to stop."""
    print("running", flush=True)
    await stop.wait()
    print("told", flush=True)
    await asyncio.Event().wait()


async def failing(_stop: asyncio.Event) -> None:
    raise RuntimeError("a defect")


MAINS = {main.__name__: main for main in (until_stopped, deaf, deaf_and_patient, failing)}


async def ready() -> None:
    return


def main(kind: str, port: int, metrics_port: int | None = None) -> None:
    telemetry.configure("INFO", "json", "a_worker")
    registry = CollectorRegistry()
    app = operations.create("a_worker", ready=ready, status=dict, registry=registry, metrics=metrics_port is None)
    listen = worker.Listen("127.0.0.1", port, metrics_port)
    seconds = 0.3 if kind == "deaf" else 60.0
    worker.run(MAINS[kind], operations=app, listen=listen, registry=registry, shutdown_seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
