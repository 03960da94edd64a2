"""Projects, calls and audits written straight into the store, so that a page's state is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Engine, text

from failure_insights.domain.breakdown import Breakdown, Evidence, FailureMode, SuspectedJudgeError
from failure_insights.domain.identity import settle_identity
from failure_insights.domain.metrics import MetricCard, slugify
from failure_insights.domain.pools import NOT_ENOUGH_DATA, FailingCall, Pool, Window
from failure_insights.store import insights, queue
from failure_insights.store.projects import find_metric

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)
#: The time that the newest audit of a sample looks back from.
TODAY = NOW.replace(hour=6, minute=0, second=0) - (DAY if NOW.hour < 6 else timedelta())

TURNS = (
    {"role": "user", "content": "Hello, I need to see the dentist on Tuesday.", "start_s": 0.0},
    {"role": "agent", "content": "Of course, let me look.", "start_s": 3.5},
    {
        "role": "tool_call",
        "tool_name": "find_slots",
        "content": '{"day": "Thursday"}',
        "start_s": 4.0,
    },
    {"role": "tool_result", "tool_name": "find_slots", "content": '{"slots": ["09:30"]}'},
    {"role": "agent", "content": "You are booked for Thursday at half past nine.", "start_s": 9.0},
    {"role": "user", "content": "No, I said Tuesday!", "start_s": 13.0},
)


@dataclass(frozen=True)
class Theme:
    """A theme to plant: how many calls, and what it says of them."""

    title: str
    count: int
    description: str = "The agent heard another day than the caller named and booked that one."
    suggested_fix: str = ""
    origin: Any = "speech_or_transcription"
    quote: str = "I said Tuesday"
    turn: int | None = 5
    num_quotes: int = 2


@dataclass(frozen=True)
class Sample:
    """One project in the store, to which calls and audits are added."""

    engine: Engine
    name: str
    slug: str

    @classmethod
    def make(cls, engine: Engine, name: str = "Willow Dental", slug: str = "") -> "Sample":
        sample = cls(engine, name, slug or slugify(name))
        sample.run(
            "INSERT INTO projects (slug, name) VALUES (:slug, :name)", slug=sample.slug, name=name
        )
        return sample

    def run(self, statement: str, **values: Any) -> Any:
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def metric(self, name: str, **card: Any) -> str:
        """Add a metric and return its slug."""
        card = {"type": "llm_judge", "description": "", "prompt": "", "pass_rule": None, **card}
        self.run(
            "INSERT INTO metrics (project_id, slug, name, type, description, prompt, pass_rule,"
            " is_eligible) SELECT id, :slug, :name, :type, :description, :prompt, :pass_rule,"
            " :eligible FROM projects WHERE slug = :project",
            slug=slugify(name),
            name=name,
            project=self.slug,
            eligible=MetricCard(name, card["type"]).is_eligible,
            **card,
        )
        return slugify(name)

    def calls(
        self,
        call_ids: Iterable[str],
        agent: str = "front-desk",
        at: datetime | None = None,
        turns: Sequence[Mapping[str, Any]] = TURNS,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Add calls of an agent, which is made if it is new; those that are there stay."""
        self.run(
            "INSERT INTO agents (project_id, name) SELECT id, :agent FROM projects"
            " WHERE slug = :project ON CONFLICT DO NOTHING",
            agent=agent,
            project=self.slug,
        )
        self.run(
            "WITH made AS (INSERT INTO calls (project_id, agent_id, call_id, started_at,"
            " duration_s, ended_reason, metadata, digest)"
            " SELECT p.id, a.id, c, :at, 125.5, 'caller hung up', :metadata, ''"
            " FROM projects p JOIN agents a ON a.project_id = p.id AND a.name = :agent,"
            " unnest(CAST(:call_ids AS text[])) AS c WHERE p.slug = :project"
            " ON CONFLICT DO NOTHING RETURNING id)"
            " INSERT INTO transcripts (call_pk, turns) SELECT id, :turns FROM made",
            project=self.slug,
            agent=agent,
            at=at or TODAY - timedelta(hours=5),
            call_ids=list(call_ids),
            metadata=Jsonb(dict(metadata or {})),
            turns=Jsonb([dict(turn) for turn in turns]),
        )

    def results(
        self, metric: str, call_ids: Iterable[str], passed: bool = False, explanation: str = "No."
    ) -> None:
        self.run(
            "INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed,"
            " score, explanation)"
            " SELECT m.id, c.id, c.project_id, c.started_at, :passed, :score, :explanation"
            " FROM projects p JOIN metrics m ON m.project_id = p.id AND m.slug = :metric"
            " JOIN calls c ON c.project_id = p.id AND c.call_id = ANY(:call_ids)"
            " WHERE p.slug = :project ON CONFLICT DO NOTHING",
            project=self.slug,
            metric=metric,
            passed=passed,
            score=Jsonb(5 if passed else 2),
            explanation=explanation,
            call_ids=list(call_ids),
        )

    def view(self, name: str, agents: Sequence[str]) -> str:
        self.run(
            "WITH v AS (INSERT INTO views (project_id, slug, name)"
            " SELECT id, :slug, :name FROM projects WHERE slug = :project"
            " RETURNING id, project_id)"
            " INSERT INTO view_agents (view_id, agent_id, project_id)"
            " SELECT v.id, a.id, v.project_id FROM v JOIN agents a USING (project_id)"
            " WHERE a.name = ANY(:agents)",
            slug=slugify(name),
            name=name,
            project=self.slug,
            agents=list(agents),
        )
        return slugify(name)

    def audit(
        self,
        metric: str,
        themes: Sequence[Theme],
        *,
        days_ago: int = 0,
        prefix: str = "call-",
        agents: Sequence[str] = ("front-desk",),
        unassigned: int = 0,
        judge_errors: int = 0,
        **breakdown: Any,
    ) -> int:
        """Add calls and a finished audit of them; return the insight's ID.

        Calls go to the agents in turn. Themes of the same title on several days are one theme.
        """
        end = TODAY - days_ago * DAY
        total = sum(theme.count for theme in themes) + unassigned + judge_errors
        ids = [f"{prefix}{days_ago}-{number}" for number in range(total)]
        for number, agent in enumerate(agents):
            self.calls(ids[number :: len(agents)], agent, end - timedelta(hours=4))
        explanation = "The caller asked for Tuesday; the agent booked Thursday instead."
        self.results(metric, ids, explanation=explanation)
        with self.engine.begin() as connection:
            project_id = connection.execute(
                text("SELECT id FROM projects WHERE slug = :s"), {"s": self.slug}
            ).scalar_one()
            found = find_metric(connection, project_id, metric)
        calls = tuple(
            FailingCall(call, agents[0], end - timedelta(hours=4), explanation) for call in ids
        )
        pool = Pool(self.slug, found.card, Window(end, 1), calls)
        modes, left = [], list(ids)
        for theme in themes:
            mine, left = left[: theme.count], left[theme.count :]
            quotes = tuple(Evidence(c, theme.turn, theme.quote) for c in mine[: theme.num_quotes])
            modes.append(
                FailureMode(
                    theme.title,
                    theme.description,
                    tuple(mine),
                    quotes,
                    criterion=theme.title,
                    origin=theme.origin,
                    suggested_fix=theme.suggested_fix,
                    terms={theme.title: 1.0},
                )
            )
        doubts = tuple(
            SuspectedJudgeError(
                call, 4, "You are booked for Thursday", "The caller agreed to Thursday."
            )
            for call in left[:judge_errors]
        )
        made = Breakdown(
            pool,
            tuple(modes),
            breakdown.pop("auditor", "wording"),
            unassigned_call_ids=tuple(left[judge_errors:]),
            suspected_judge_errors=doubts,
            num_calls_analyzed=min(total, 40),
            **breakdown,
        )
        day = (end - DAY).date()
        with self.engine.begin() as connection:
            (insight_id,) = queue.open_audits(
                connection,
                [queue.NewAudit(found.key, found.id, found.card.name, day, "schedule")],
                "run-1",
            )
            queue.start(connection, insight_id)
            prior = insights.known_themes(connection, found.key, day)
            insights.succeed(
                connection, insight_id, day, settle_identity(made, prior, found.key, day)
            )
        return insight_id

    def state(self, metric: str, status: str, **columns: Any) -> int:
        """Add a row in a state that needs no breakdown: pending, running, failed or skipped."""
        times = {
            "running": {"started_at": NOW, "dagster_run_id": "run-2"},
            "failed": {"finished_at": NOW, "error_message": "It failed."},
            "skipped_not_enough_data": {
                "finished_at": NOW,
                "date": (TODAY - DAY).date(),
                "window_end": TODAY,
                "message": NOT_ENOUGH_DATA,
                "window_days": 7,
                "num_failing_calls": 2,
                "num_calls_analyzed": 0,
            },
        }.get(status, {})
        values = {"status": status, **times, **columns}
        names = "".join(f", {name}" for name in values)
        marks = "".join(f", :{name}" for name in values)
        return int(
            self.run(
                f"INSERT INTO insights (project_metric, metric_id, metric_name{names})"
                f" SELECT p.slug || '/' || m.slug, m.id, m.name{marks} FROM metrics m"
                " JOIN projects p ON p.id = m.project_id"
                " WHERE p.slug = :project AND m.slug = :metric RETURNING id",
                project=self.slug,
                metric=metric,
                **values,
            )
        )
