"""`failure-insights up`: everything that runs, stopped by one signal."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from failure_insights.commands.parts import (
    CODE_SERVER,
    DAEMON,
    LOOPBACK,
    POSTGRES,
    WEB,
    WEBSERVER,
    Addresses,
    code_server_command,
    daemon_command,
    environment_of,
    web_command,
    webserver_command,
    write_workspace,
)
from failure_insights.commands.restarts import Keeper, Part
from failure_insights.commands.supervisor import (
    Command,
    StartFailed,
    Stopped,
    accepts,
    answers_http,
    end_leftovers,
    running,
    stop_on_signals,
)
from failure_insights.demo.loading import load_demo
from failure_insights.orchestration.home import dagster_home
from failure_insights.settings import Settings, get_settings
from failure_insights.store.calls import has_calls
from failure_insights.store.embedded import restart_embedded_postgres, server_process
from failure_insights.store.opening import open_store, store_url
from failure_insights.web.auth.listening import require_key_beyond_loopback
from failure_insights.web.auth.sign_in_link import make_sign_in_link

#: Seconds between two looks at the parts.
POLL_S = 0.5


def run_everything(addresses: Addresses, demo: bool) -> None:
    """Start all parts, say where to look, and keep them running until a signal comes.

    A part that stops by itself is started again, after a pause that doubles while it keeps
    stopping.

    Raises:
        FailureInsightsError: a part cannot start.
    """
    settings = get_settings()
    state = settings.home / "up"
    state.mkdir(parents=True, exist_ok=True)
    with suppress(Stopped), stop_on_signals():
        end_leftovers(state)
        require_free_ports(addresses)
        _say("Starting Postgres and bringing its schema up to date ...")
        engine = open_store(settings.database_url, settings.home)
        require_key_beyond_loopback(engine, addresses.host)
        if demo:
            load_demo(engine, _say)
        _say("Starting Dagster, the API and the dashboard ...")
        with _all_parts(settings, addresses, state) as keeper:
            _say_where(settings, addresses, state)
            if demo:
                from failure_insights.demo.audits import audit_demo

                audit_demo(engine, addresses.dagster, _say, keeper.tend)
            elif _is_empty(engine):
                _say("The store is empty. Import calls from another terminal:")
                _say("    failure-insights import FILE")
                _say("or stop this and begin with the demo's: failure-insights up --demo")
            _say("Everything is running. Ctrl-C stops it.")
            while True:
                keeper.tend()
                time.sleep(POLL_S)
    _say("Stopped.")


@contextmanager
def _all_parts(settings: Settings, addresses: Addresses, state: Path) -> Iterator[Keeper]:
    """Start the parts, and give the block what keeps them running once all of them answer."""
    url = store_url(settings.database_url, settings.home)
    environment = environment_of(settings, addresses, url)
    postgres = Part(
        POSTGRES,
        lambda: _postgres_stopped(settings),
        lambda: restart_embedded_postgres(settings.home / "postgres"),
    )
    # Paths of sockets may not be long, as those of homes are.
    with TemporaryDirectory(prefix="failure-insights-") as sockets:
        code_socket = Path(sockets) / "code.sock"
        workspace = write_workspace(state, code_socket)

        def command(words: Sequence[str]) -> Command:
            return Command(words, environment, dagster_home())

        first = {
            WEB: command(web_command(addresses)),
            CODE_SERVER: command(code_server_command(code_socket)),
        }
        with running(first, state, partial(_require, postgres)) as processes:
            # The daemon and the webserver look for it when they start.
            processes.wait_for(partial(accepts, code_socket), CODE_SERVER)
            processes.start(WEBSERVER, command(webserver_command(addresses, workspace)))
            processes.start(DAEMON, command(daemon_command(workspace)))
            processes.wait_for(partial(answers_http, f"{addresses.dashboard}/healthz"), WEB)
            processes.wait_for(partial(answers_http, f"{addresses.dagster}/server_info"), WEBSERVER)
            parts = [
                Part(name, partial(processes.stopped, name), partial(processes.start_again, name))
                for name in (CODE_SERVER, DAEMON, WEBSERVER, WEB)
            ]
            yield Keeper([postgres, *parts], _say)


def require_free_ports(addresses: Addresses) -> None:
    """Raise StartFailed where a port is taken, saying which option names another."""
    if addresses.port == addresses.dagster_port:
        raise StartFailed(
            f"--port and --dagster-port are both {addresses.port}; they must differ.",
            code="same_port",
        )
    for host, port, option in (
        (addresses.host, addresses.port, "--port"),
        (LOOPBACK, addresses.dagster_port, "--dagster-port"),
    ):
        try:
            family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            socket.create_server(place[:2], family=family).close()
        except socket.gaierror:
            raise StartFailed(
                f"{host!r} is no address of this machine; try --host 127.0.0.1.",
                code="foreign_address",
            ) from None
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise StartFailed(
                f"Port {port} on {host} cannot be used ({reason}). Stop what listens there, or "
                f"choose another with {option}.",
                code="port_taken",
            ) from None


def _say_where(settings: Settings, addresses: Addresses, state: Path) -> None:
    _say("")
    _say(f"  Dashboard  {addresses.dashboard}")
    _say(f"  Sign in    {make_sign_in_link(settings, addresses.dashboard)}")
    _say("             (works once, within 24 hours; an API key signs in too)")
    _say(f"  API docs   {addresses.dashboard}/docs")
    _say(f"  Dagster    {addresses.dagster}")
    _say(f"  Logs       {state}")
    _say("")


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return not has_calls(connection)


def _postgres_stopped(settings: Settings) -> str | None:
    """Return None while Postgres runs or is a server of others, else where it says why not."""
    folder = settings.home / "postgres"
    if settings.database_url is None and server_process(folder) is None:
        return f"by itself; {folder / 'log'} says why"
    return None


def _require(part: Part) -> None:
    if reason := part.stopped():
        raise StartFailed(f"{part.name} stopped {reason}. Start again.", code="part_stopped")


def _say(text: str) -> None:
    print(text, flush=True)
