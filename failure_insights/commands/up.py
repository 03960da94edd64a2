"""`failure-insights up`: everything that runs, stopped by one signal."""

import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine

from failure_insights.commands.supervisor import (
    StartFailed,
    Stopped,
    end_leftovers,
    running,
    stop_on_signals,
)
from failure_insights.demo.loading import load_demo
from failure_insights.orchestration.home import dagster_home, project_file
from failure_insights.settings import Settings, environment_names, get_settings
from failure_insights.store.calls import has_calls
from failure_insights.store.embedded import server_process
from failure_insights.store.opening import open_store, store_url
from failure_insights.web.auth.listening import require_key_beyond_loopback
from failure_insights.web.auth.sign_in_link import make_sign_in_link

LOOPBACK = "127.0.0.1"
DAGSTER = "Dagster"
WEB = "Web"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts listen."""

    host: str
    port: int
    dagster_port: int

    @property
    def dashboard(self) -> str:
        host = LOOPBACK if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def dagster(self) -> str:
        """Dagster's pages know no sign-in, so they listen on this machine only."""
        return f"http://{LOOPBACK}:{self.dagster_port}"


def run_everything(addresses: Addresses, demo: bool) -> None:
    """Start all parts, say where to look, and stay until a signal comes.

    Raises:
        FailureInsightsError: a part cannot start, or stopped by itself.
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
        commands = {DAGSTER: dagster_command(addresses), WEB: web_command(addresses)}
        environment = environment_of(settings, addresses)
        with running(
            commands, environment, dagster_home(), state, partial(_require_postgres, settings)
        ) as processes:
            processes.wait_for(f"{addresses.dashboard}/healthz", WEB)
            processes.wait_for(f"{addresses.dagster}/server_info", DAGSTER)
            _say_where(settings, addresses, state)
            if demo:
                from failure_insights.demo.audits import audit_demo

                audit_demo(engine, addresses.dagster, _say, processes.require_alive)
            elif _is_empty(engine):
                _say("The store is empty. Import calls from another terminal:")
                _say("    failure-insights import FILE")
                _say("or stop this and begin with the demo's: failure-insights up --demo")
            _say("Everything is running. Ctrl-C stops it.")
            while True:
                processes.require_alive()
                time.sleep(1)
    _say("Stopped.")


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


def dagster_command(addresses: Addresses) -> Sequence[str]:
    """Return the command of Dagster's webserver, daemon and code server."""
    return [
        # Its advice to use another command is not for our users.
        *(sys.executable, "-W", "ignore:Function `dev_command`", "-m", "dagster", "dev"),
        *("-w", str(project_file("workspace.yaml"))),
        *("-h", LOOPBACK, "-p", str(addresses.dagster_port)),
        *("--log-level", "warning"),
    ]


def web_command(addresses: Addresses) -> Sequence[str]:
    """Return the command of the API and the dashboard.

    No access log: addresses hold sign-in tokens and call IDs.
    """
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", "failure_insights.web.app:create_app"),
        *("--host", addresses.host, "--port", str(addresses.port)),
        *("--no-access-log", "--log-level", "warning", "--no-server-header"),
        *("--timeout-graceful-shutdown", "3"),
    ]


def environment_of(settings: Settings, addresses: Addresses) -> Mapping[str, str]:
    """Return the parts' environment: our settings, wherever they came from, and one database.

    With the URL in it, none of the parts starts a Postgres of its own.
    """
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    found = {
        "fork_runs": True,
        "public_url": addresses.dashboard,
        "dagster_url": addresses.dagster,
        **given,
        "home": settings.home,
        "database_url": store_url(settings.database_url, settings.home),
    }
    names = environment_names()
    ours = {names[name]: _as_text(value) for name, value in found.items() if value is not None}
    return {**os.environ, "DAGSTER_HOME": str(dagster_home()), **ours}


def _as_text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


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


def _require_postgres(settings: Settings) -> None:
    """Raise StartFailed if the embedded Postgres, where it is used, has stopped by itself."""
    folder = settings.home / "postgres"
    if settings.database_url is None and server_process(folder) is None:
        raise StartFailed(
            f"The embedded Postgres stopped by itself; {folder / 'log'} says why. Start again.",
            code="postgres_stopped",
        )


def _say(text: str) -> None:
    print(text, flush=True)
