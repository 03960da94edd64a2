"""The calls of the `cekura` package that work here, each through its SDK and its command line."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cekura import Cekura
from cekura.cli import _client as command_client
from cekura.cli.main import app
from sqlalchemy import Engine
from typer.testing import CliRunner

from failure_insights.settings import Settings
from failure_insights_tests.web.api_site import NOW, site_of
from failure_insights_tests.web.browsing import serving
from failure_insights_tests.web.test_webhooks import DELIVERIES

THEME, OTHER_THEME = "th_00000000000a", "th_00000000000b"
#: The range that the calls of the site lie in.
RANGE = {"date_from": "2026-11-24", "date_to": "2026-11-24"}


@dataclass
class World:
    """A running server with a project of calls and an insight, and both of the package's ways."""

    sdk: Cekura
    run: Callable[..., Any]
    ids: dict[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> int:
        try:
            return self.ids[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Step:
    """One call. `command`: its words on the command line; None: the SDK alone has it."""

    name: str
    sdk: Callable[[World], Any]
    command: Callable[[World], Sequence[object]] | None
    holds: Callable[[Any, World], object]


def _remember(name: str, find: Callable[[Any], int]) -> Callable[[Any, World], bool]:
    def remember(answer: Any, world: World) -> bool:
        world.ids[name] = find(answer)
        return True

    return remember


def _named(name: str) -> Callable[[Any], int]:
    def find(rows: Any) -> int:
        rows = rows["results"] if isinstance(rows, dict) else rows
        return next(row["id"] for row in rows if row["name"] == name)

    return find


def _file(body: object) -> str:
    path = Path(tempfile.mkdtemp()) / "body.json"
    path.write_text(json.dumps(body))
    return str(path)


def _observe(kind: str, number: int) -> dict[str, Any]:
    """Return a delivery of its own for each way, of an agent that the key's project has."""
    body = json.dumps(DELIVERIES[kind][0]).replace(DELIVERIES[kind][1], f"{kind}-of-sdk-{number}")
    return json.loads(body)


def _call(number: int) -> dict[str, Any]:
    said = [{"role": "Main Agent", "content": "Hello.", "start_time": 0, "end_time": 1}]
    return {
        "call_id": f"sent-{number}",
        "transcript_type": "cekura",
        "transcript_json": said,
        "timestamp": "2026-11-24T07:00:00Z",
    }


#: An alert on growth, in a file.
UPTICK = {"source": {"sub_type": "insight_uptick", "min_count": 10, "multiplier": 4}}


def slugs(world: World) -> list[str]:
    """Return the slugs of the project's categories."""
    listed = world.sdk.metric_failure_mode_insights.categories(world.project)
    return [category["slug"] for category in listed["categories"]]


#: In order: later steps use the IDs that earlier ones give.
STEPS: tuple[Step, ...] = (
    Step(
        "projects list",
        lambda w: w.sdk.projects.list(),
        lambda w: ["projects", "list"],
        _remember("project", _named("Clinic")),
    ),
    Step(
        "projects get",
        lambda w: w.sdk.projects.get(w.project),
        lambda w: ["projects", "get", w.project],
        lambda a, w: (a["id"], a["name"], a["slug"]) == (w.project, "Clinic", "clinic"),
    ),
    Step(
        "agents list",
        lambda w: w.sdk.agents.list(project_id=w.project),
        lambda w: ["agents", "list", "--project-id", w.project],
        _remember("agent", _named("front-desk")),
    ),
    Step(
        "agents get",
        lambda w: w.sdk.agents.get(w.agent),
        lambda w: ["agents", "get", w.agent],
        lambda a, w: (a["name"], a["project"]) == ("front-desk", w.project),
    ),
    Step(
        "metrics list",
        lambda w: w.sdk.metrics.list(project_id=w.project),
        lambda w: ["metrics", "list", "--project-id", w.project],
        _remember("metric", _named("Hallucination")),
    ),
    Step(
        "metrics list of an agent",
        lambda w: w.sdk.metrics.list(agent_id=w.agent),
        lambda w: ["metrics", "list", "--agent-id", w.agent],
        lambda a, w: [row["name"] for row in a] == ["Hallucination"],
    ),
    Step(
        "metrics get",
        lambda w: w.sdk.metrics.get(w.metric),
        lambda w: ["metrics", "get", w.metric],
        lambda a, w: (
            (a["name"], a["eval_type"], a["is_triage"]) == ("Hallucination", "binary", True)
        ),
    ),
    Step(
        "metrics create",
        lambda w: w.sdk.metrics.create(
            name="Politeness", project=w.project, type="llm_judge", eval_type="numeric", prompt="?"
        ),
        lambda w: [*("metrics", "create", "--project-id", w.project), "--name", "Warmth"],
        _remember("card", lambda a: a["id"]),
    ),
    Step(
        "metrics update",
        lambda w: w.sdk.metrics.update(w.card, description="Warm?", pass_rule=">= 3"),
        lambda w: ["metrics", "update", w.card, "--from-file", _file({"description": "Warm?"})],
        lambda a, w: (a["id"], a["description"]) == (w.card, "Warm?"),
    ),
    Step(
        "predefined-metrics list",
        lambda w: w.sdk.predefined_metrics.list(),
        lambda w: ["predefined-metrics", "list"],
        lambda a, w: {"CSAT", "Hallucination", "Latency"} <= {row["name"] for row in a},
    ),
    Step(
        "insights list",
        lambda w: w.sdk.metric_failure_mode_insights.list(project=w.project),
        lambda w: ["insights", "list", "--project-id", w.project],
        _remember("insight", lambda a: next(r["id"] for r in a if r["failure_modes"])),
    ),
    Step(
        "insights get",
        lambda w: w.sdk.metric_failure_mode_insights.get(w.insight),
        lambda w: ["insights", "get", w.insight],
        lambda a, w: (
            (a["status"], a["project"], a["metric"], a["total_failures_in_window"])
            == ("succeeded", w.project, w.metric, 7)
            and [len(mode["call_log_ids"]) for mode in a["failure_modes"]] == [3, 2]
            and a["headline"] == "Old opening hours (3 of 7 failing calls)"
        ),
    ),
    Step(
        "insights generate",
        lambda w: w.sdk.metric_failure_mode_insights.generate(
            project=w.project, metric_name="CSAT", max_calls=50
        ),
        lambda w: ["insights", "generate", "--metric-id", w.metric],
        lambda a, w: (a["status"], a["failure_modes"]) == ("pending", []),
    ),
    Step(
        "insights bulk-generate",
        lambda w: w.sdk.metric_failure_mode_insights.bulk_generate(project=w.project),
        lambda w: ["insights", "bulk-generate", "--project-id", w.project],
        lambda a, w: {"CSAT", "Hallucination"} <= {row["metric_name"] for row in a},
    ),
    Step(
        "insights available-dates",
        lambda w: w.sdk.metric_failure_mode_insights.available_dates(project=w.project),
        lambda w: ["insights", "available-dates", "--project-id", w.project],
        lambda a, w: a == {"dates": [NOW.date().isoformat()]},
    ),
    Step(
        "insights failure-rates",
        lambda w: w.sdk.metric_failure_mode_insights.failure_rates(w.project, **RANGE),
        lambda w: ["insights", "failure-rates", "--project-id", w.project],
        lambda a, w: {"failed_calls", "failure_rate"} <= a["failure_rates"][0].keys(),
    ),
    Step(
        "insights pricing",
        lambda w: w.sdk.metric_failure_mode_insights.pricing(),
        lambda w: ["insights", "pricing"],
        lambda a, w: a["currency"] == "USD" and a["metrics"],
    ),
    Step(
        "insights categories",
        lambda w: w.sdk.metric_failure_mode_insights.categories(w.project),
        lambda w: ["insights", "categories", "--project-id", w.project],
        lambda a, w: (THEME, 3) in [(c["slug"], c["count"]) for c in a["categories"]],
    ),
    Step(
        "insights category-calls",
        lambda w: w.sdk.metric_failure_mode_insights.category_calls(
            THEME, w.project, w.metric, **RANGE
        ),
        lambda w: [
            *("insights", "category-calls", THEME, "--project-id", w.project),
            *("--metric-id", w.metric, "--date-from", "2026-11-24"),
        ],
        lambda a, w: a["count"] == len(a["call_log_ids"]) == 3,
    ),
    Step(
        "insights failure-mode-agents",
        lambda w: w.sdk.metric_failure_mode_insights.failure_mode_agents(w.insight, index=0),
        lambda w: ["insights", "failure-mode-agents", w.insight],
        lambda a, w: ("front-desk", 2) in [(c["name"], c["count"]) for c in a["agents"]],
    ),
    Step(
        "calls list",
        lambda w: w.sdk.calls.list(
            agent_id=w.agent, page_size=2, timestamp_from="2026-11-24T00:00:00Z", success=False
        ),
        lambda w: ["calls", "list", "--agent-id", w.agent],
        _remember("call", lambda a: a["results"][0]["id"]),
    ),
    Step(
        "calls get",
        lambda w: w.sdk.calls.get(w.call),
        lambda w: ["calls", "get", w.call],
        lambda a, w: (
            (a["id"], a["success"], a["transcript"], a["evaluation"]["metrics"][0]["id"])
            == (w.call, False, "Main Agent: We are closed.", w.metric)
        ),
    ),
    Step(
        "calls send",
        lambda w: w.sdk.calls.send(**_call(1), agent=w.agent),
        lambda w: ["calls", "send", "--from-file", _file(_call(2)), "--agent-id", w.agent],
        lambda a, w: (a["agent"], a["status"]) == ("front-desk", "new"),
    ),
    *(
        Step(
            f"calls observe-{kind}",
            lambda w, kind=kind: getattr(w.sdk.calls, f"observe_{kind}")(**_observe(kind, 1)),
            None,
            lambda a, w, kind=kind: (a["status"], a["call_id"]) == ("new", f"{kind}-of-sdk-1"),
        )
        for kind in ("vapi", "retell", "livekit", "pipecat")
    ),
    Step(
        "deep-research generate",
        lambda w: w.sdk.deep_research_insights.generate(w.project, window_days=7, focus="prices"),
        lambda w: ["deep-research", "generate", "--project-id", w.project, "--window-days", 30],
        _remember("research", lambda a: a["id"]),
    ),
    Step(
        "deep-research get",
        lambda w: w.sdk.deep_research_insights.get(w.research),
        lambda w: ["deep-research", "get", w.research],
        lambda a, w: (
            (a["status"], a["window_days"], a["project"]) == ("succeeded", 30, w.project)
            and "Old opening hours" in [mode["title"] for mode in a["failure_modes"]]
        ),
    ),
    Step(
        "deep-research list",
        lambda w: w.sdk.deep_research_insights.list(project=w.project),
        lambda w: ["deep-research", "list", "--project-id", w.project],
        lambda a, w: w.research in [row["id"] for row in a],
    ),
    Step(
        "deep-research pricing",
        lambda w: w.sdk.deep_research_insights.pricing(w.project),
        lambda w: ["deep-research", "pricing", "--project-id", w.project],
        lambda a, w: a["high"] == 0,
    ),
    Step(
        "alerts create",
        lambda w: w.sdk.alerts.create(
            name="New", project=w.project, source={"sub_type": "insight_new_mode", "min_calls": 2}
        ),
        lambda w: ["alerts", "create", "--name", "Growing", "--from-file", _file(UPTICK)],
        _remember("alert", lambda a: a["id"]),
    ),
    Step(
        "alerts update",
        lambda w: w.sdk.alerts.update(w.alert, enabled=False),
        lambda w: ["alerts", "update", w.alert, "--name", "Grows"],
        lambda a, w: (a["enabled"], a["source"]["multiplier"]) == (False, 4),
    ),
    Step(
        "alerts get",
        lambda w: w.sdk.alerts.get(w.alert),
        lambda w: ["alerts", "get", w.alert],
        lambda a, w: (a["name"], a["source_object_name"]) == ("Grows", "All metrics"),
    ),
    Step(
        "alerts list",
        lambda w: w.sdk.alerts.list(project_id=w.project),
        lambda w: ["alerts", "list", "--project-id", w.project],
        lambda a, w: [row["threshold"] for row in a if row["name"] == "New"] == [2],
    ),
    Step(
        "alerts review",
        lambda w: w.sdk.alerts.review(project_id=w.project),
        lambda w: ["alerts", "review", "--project-id", w.project],
        lambda a, w: [row["waiting"] for row in a["alerts"]] == [0, 0],
    ),
    Step(
        "alerts delete",
        lambda w: w.sdk.alerts.delete(w.alert),
        lambda w: ["alerts", "delete", w.sdk.alerts.list()[0]["id"], "--yes"],
        lambda a, w: w.alert not in [row["id"] for row in w.sdk.alerts.list()],
    ),
    Step(
        "calls mark-metric-vote",
        lambda w: w.sdk.calls.mark_metric_vote(
            w.call, metric_id=w.metric, thumbs_up=False, expected_value=True, feedback="It is shut."
        ),
        lambda w: [
            *("calls", "mark-metric-vote", w.call, "--metric-id", w.metric),
            *("--thumbs-down", "--feedback", "It is shut."),
        ],
        lambda a, w: (a["verdict"], a["expected"]) == ("judge_wrong", True),
    ),
    Step(
        "insights fix-metric",
        lambda w: w.sdk.metric_failure_mode_insights.fix_metric(w.insight, 0, "They are shut."),
        lambda w: [
            *("insights", "fix-metric", w.insight, "--failure-mode-index", 0),
            *("--feedback", "They are shut.", "--expected-value", "true"),
        ],
        lambda a, w: a == {"count": 3, "metric_name": "Hallucination"},
    ),
    Step(
        "insights category-fix-metric",
        lambda w: w.sdk.metric_failure_mode_insights.category_fix_metric(
            OTHER_THEME, w.project, 0, "No price was meant.", expected_value=None
        ),
        lambda w: [
            *("insights", "category-fix-metric", THEME, "--project-id", w.project),
            *("--failure-mode-index", 0, "--feedback", "They are shut."),
        ],
        lambda a, w: (a["count"], slugs(w)) in [(2, [THEME]), (3, [])],
    ),
    Step(
        "insights category-delete",
        lambda w: w.sdk.metric_failure_mode_insights.category_delete(THEME, w.project, w.metric),
        lambda w: [
            *("insights", "category-delete", THEME, "--project-id", w.project),
            *("--metric-id", w.metric, "--yes"),
        ],
        lambda a, w: w.sdk.metric_failure_mode_insights.categories(w.project)["count"] == 0,
    ),
    Step(
        "deep-research dismiss-mode",
        lambda w: w.sdk.deep_research_insights.dismiss_mode(w.project, "Old opening hours"),
        lambda w: [
            *("deep-research", "dismiss-mode", "--title", "Old opening hours"),
            *("--project-id", w.project, "--note", "Known."),
        ],
        lambda a, w: a["dismissed_theme_ids"] == [THEME],
    ),
    Step(
        "deep-research delete",
        lambda w: w.sdk.deep_research_insights.delete(w.research),
        lambda w: [
            *("deep-research", "delete", "--yes"),
            w.sdk.deep_research_insights.list()[0]["id"],
        ],
        lambda a, w: w.research not in [r["id"] for r in w.sdk.deep_research_insights.list()],
    ),
    Step(
        "calls delete",
        lambda w: w.sdk.calls.delete(w.call),
        None,
        lambda a, w: w.call not in [row["id"] for row in w.sdk.calls.list()["results"]],
    ),
    Step(
        "insights delete",
        lambda w: w.sdk.metric_failure_mode_insights.delete(w.insight),
        lambda w: ["insights", "delete", w.second_insight, "--yes"],
        lambda a, w: not w.sdk.metric_failure_mode_insights.available_dates()["dates"][1:],
    ),
)

#: What both ways have and nothing here does, with a word of its sentence.
NOT_DONE: tuple[tuple[str, Callable[[Cekura], Any], str], ...] = (
    ("scenarios list", lambda c: c.scenarios.list(), "runs no tests"),
    ("runs list", lambda c: c.runs.list(), "runs no tests"),
    ("results list", lambda c: c.results.list(), "runs no tests"),
    ("personalities list", lambda c: c.personalities.list(), "runs no tests"),
    ("dashboards list", lambda c: c.dashboards.list(), "no dashboards"),
    ("cron list", lambda c: c.cron_jobs.list(), "runs no tests"),
    ("metrics delete", lambda c: c.metrics.delete(1), "runs no metric"),
    ("agents create", lambda c: c.agents.create(name="x"), "known from their calls"),
    ("projects create", lambda c: c.projects.create(name="x"), "first call or key"),
    ("calls trace", lambda c: c.calls.get_trace(1), "Of call logs"),
    (
        "insights reproduce",
        lambda c: c.metric_failure_mode_insights.reproduce(1, 0, 1),
        "runs no tests",
    ),
)


@contextmanager
def world(engine: Engine, home: Path) -> Iterator[World]:
    """Serve a project with calls and two insights, and have both ways of the package ready."""
    site = site_of(engine)
    insight_ids = [site.succeeded_insight(NOW.date()), site.succeeded_insight(NOW.date())]
    with serving(engine, Settings()) as server, pytest.MonkeyPatch.context() as patch:
        key = site.keys["clinic"]
        for name, value in (
            ("HOME", str(home)),
            ("CEKURA_API_KEY", key),
            ("CEKURA_API_URL", server.url),
            ("COLUMNS", "200"),
        ):
            patch.setenv(name, value)
        patch.setattr(command_client, "_client", None)
        with Cekura(api_key=key, base_url=server.url) as sdk:
            sdk._http.max_retries = 0
            try:
                yield World(sdk, _run, {"second_insight": insight_ids[0]})
            finally:
                if command_client._client is not None:
                    command_client._client.close()


def _run(*words: object) -> Any:
    """Run a command of the package as JSON where it can, and return what it printed."""
    command = [str(word) for word in words]
    if "delete" not in command[1]:
        command += ["--format", "json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, f"cekura {' '.join(command)}: {result.output}"
    return json.loads(result.stdout) if "--format" in command else None
