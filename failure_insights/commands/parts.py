"""Name the parts that `up` runs: their addresses, commands and environment."""

import json
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from failure_insights.orchestration.home import dagster_home
from failure_insights.settings import Settings, environment_names

LOOPBACK = "127.0.0.1"

POSTGRES = "Postgres"
CODE_SERVER = "Dagster code server"
DAEMON = "Dagster daemon"
WEBSERVER = "Dagster webserver"
WEB = "Web"

#: Seconds that the web process gives to open requests when it is asked to stop.
WEB_GRACE_S = 3


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


def code_server_command(socket: Path) -> Sequence[str]:
    """Return the command of the process that loads our definitions and starts Dagster's runs."""
    return [
        *(sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket)),
        *("--module-name", "failure_insights.definitions"),
        *("--location-name", "failure_insights", "--log-level", "warning"),
    ]


def webserver_command(addresses: Addresses, workspace: Path) -> Sequence[str]:
    """Return the command of Dagster's pages and GraphQL."""
    return [
        *(_script("dagster-webserver"), "-w", str(workspace), "--dagster-log-level", "warning"),
        *("-h", LOOPBACK, "-p", str(addresses.dagster_port)),
    ]


def daemon_command(workspace: Path) -> Sequence[str]:
    """Return the command of the process that evaluates the schedule and sensors."""
    return [_script("dagster-daemon"), "run", "-w", str(workspace), "--log-level", "warning"]


def web_command(addresses: Addresses) -> Sequence[str]:
    """Return the command of the API and the dashboard.

    No access log: addresses hold sign-in tokens and call IDs.
    """
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", "failure_insights.web.app:create_app"),
        *("--host", addresses.host, "--port", str(addresses.port)),
        *("--no-access-log", "--log-level", "warning", "--no-server-header"),
        *("--timeout-graceful-shutdown", str(WEB_GRACE_S)),
    ]


def write_workspace(folder: Path, socket: Path) -> Path:
    """Write where the code server listens, for the daemon and the webserver; return the file."""
    server = {"socket": str(socket), "location_name": "failure_insights"}
    file = folder / "workspace.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    return file


def environment_of(settings: Settings, addresses: Addresses, store_url: str) -> Mapping[str, str]:
    """Return the parts' environment: our settings, wherever they came from, and one database.

    With the URL in it, none of the parts starts a Postgres of its own.
    """
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    values = {
        "public_url": addresses.dashboard,
        "dagster_url": addresses.dagster,
        "fork_runs": True,
        **given,
        "home": settings.home,
        "database_url": store_url,
    }
    names = environment_names()
    ours = {names[name]: _as_text(value) for name, value in values.items() if value is not None}
    return {**os.environ, "DAGSTER_HOME": str(dagster_home()), **ours}


def _as_text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _script(name: str) -> str:
    """Return a command that was installed beside this Python."""
    return str(Path(sysconfig.get_path("scripts")) / name)
