import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

import httpx

from tests.ece_common.waiting import until


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def a_worker(kind: str, *ports: int) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ece_common.a_worker", kind, *map(str, ports)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def _answers(url: str) -> httpx.Response:
    answers: list[httpx.Response] = []

    def asked() -> bool:
        with suppress(httpx.TransportError):
            answers.append(httpx.get(url, trust_env=False, timeout=2))
        return bool(answers)

    await until(asked)
    return answers[0]


async def test_sigterm_lets_the_work_end_and_then_the_process_ends_well() -> None:
    port = _free_port()
    with a_worker("until_stopped", port) as process:
        assert _line(process) == "running uvloop"
        answer = await _answers(f"http://127.0.0.1:{port}/healthz")
        assert answer.status_code == 200
        assert "server" not in answer.headers

        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)

    assert (process.returncode, out) == (0, "gave back\n"), errors
    assert '"worker.stopping"' in errors


async def test_metrics_can_have_a_port_of_their_own_and_ctrl_c_ends_the_process_well() -> None:
    port, metrics = _free_port(), _free_port()
    with a_worker("until_stopped", port, metrics) as process:
        assert (await _answers(f"http://127.0.0.1:{metrics}/metrics")).status_code == 200
        assert (await _answers(f"http://127.0.0.1:{port}/metrics")).status_code == 404
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_work_that_does_not_end_in_time_is_cancelled_and_the_exit_code_says_so() -> None:
    with a_worker("deaf", _free_port()) as process:
        assert _line(process) == "running"
        process.terminate()
        _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert '"worker.stop_late"' in errors


def test_a_second_signal_cuts_the_waiting_short() -> None:
    with a_worker("deaf_and_patient", _free_port()) as process:
        assert _line(process) == "running"
        process.terminate()
        assert _line(process) == "told"
        process.terminate()
        _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert '"worker.stop_forced"' in errors


def test_an_unexpected_error_is_logged_and_ends_the_process_with_a_code() -> None:
    with a_worker("failing", _free_port()) as process:
        _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert '"worker.failed"' in errors
    assert "RuntimeError: a defect" in errors


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with a_worker("until_stopped", port) as process:
            _, errors = process.communicate(timeout=10)

    assert process.returncode == 1
    assert '"worker.cannot_listen"' in errors
    assert str(port) in errors
