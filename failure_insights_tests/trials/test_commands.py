"""The commands as a user types them: what they print, where, and with what status they end."""

import csv
import gzip
import io
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from failure_insights.sources import FORMATS
from failure_insights_tests.documents import TOP
from failure_insights_tests.trials.commands import codes_of, command, environment_of

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
#: Two causes, four calls each.
CAUSES = (
    "The agent asked for the order number again after the caller had read it out.",
    "The refund was promised for today although the policy says ten days.",
)


def call(number: int, explanation: str, **more: Any) -> dict[str, Any]:
    return {
        "call_id": f"call-{number}",
        "project": "Shoe Shop",
        "agent": "hotline",
        "started_at": (NOW - timedelta(hours=1, minutes=number)).isoformat(),
        "transcript": [
            {"role": "agent", "content": "Shoe shop, how can I help?"},
            {"role": "user", "content": f"It is about my order, number {number}."},
            {"role": "agent", "content": "One moment, please."},
        ],
        "metrics": [
            {"name": "Expected Outcome", "passed": False, "explanation": explanation},
            {"name": "Latency", "type": "custom_code", "score": 2.5, "passed": True},
        ],
    } | more


def lines(*calls: dict[str, Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in calls)


FORMATS_SAID = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
CALLS = lines(*(call(number, CAUSES[number % 2]) for number in range(8)))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(tmp_path, database_url=database_url, auditor="wording")


def test_good_lines_are_kept_and_bad_ones_named(
    settings: dict[str, str], tmp_path: Path, engine: Engine
) -> None:
    file = tmp_path / "calls.jsonl"
    no_zone = call(99, "?", started_at="2026-11-23T06:00:00")
    file.write_text(CALLS + "{broken\n\n" + lines(no_zone))
    done = command(settings, "import", str(file))
    assert (done.returncode, done.stdout) == (1, "8 new, 0 updated, 0 unchanged, 2 rejected\n")
    first, second, form = done.stderr.splitlines()
    assert first.startswith(f"{file}:9: not JSON")
    assert second.startswith(f"{file}:11: started_at")
    assert form == f"{file}: native, JSON lines"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM calls")).scalar_one() == 8

    again = command(settings, "import", "-", given=CALLS)
    assert (again.returncode, again.stdout) == (0, "0 new, 0 updated, 8 unchanged, 0 rejected\n")
    changed = command(
        settings,
        *("import", "-", "--project", "Other Shop"),
        given=lines(call(1, "Anew."), call(1, "Twice.")),
    )
    counts = "1 new, 1 updated, 0 unchanged, 0 rejected\n"
    assert (changed.returncode, changed.stdout) == (0, counts)


def test_a_provider_s_format_is_read_and_a_wrong_one_is_noticed(
    settings: dict[str, str],
) -> None:
    conversation = {
        "conversation_id": "conv-1",
        "agent_id": "desk",
        "metadata": {"start_time_unix_secs": int(NOW.timestamp()) - 60},
        "transcript": [{"role": "agent", "message": "Hello.", "time_in_call_secs": 0}],
    }
    words = ("import", "-", "--format", "elevenlabs", "--project", "Shop")
    done = command(settings, *words, given=lines(conversation))
    assert (done.returncode, done.stdout) == (0, "1 new, 0 updated, 0 unchanged, 0 rejected\n")
    array = command(settings, *words[:2], *words[4:], given=json.dumps([conversation], indent=1))
    assert (array.returncode, array.stdout) == (0, "0 new, 0 updated, 1 unchanged, 0 rejected\n")
    assert array.stderr.splitlines() == [
        "standard input: elevenlabs, one array",
        "1 call without a metric result, so not to be audited: conv-1",
    ]
    wrong = command(settings, "import", "-", "--format", "native", given=lines(conversation))
    assert wrong.returncode == 1
    assert "nothing in it is a call in the format native" in wrong.stderr


def test_an_import_tells_what_it_took_and_what_it_did_not(
    settings: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    (folder / "day 2").mkdir(parents=True)
    (folder / "notes.md").write_text("Calls of two days.")
    scores = [{"name": "C++", "passed": True}, {"name": "C#", "score": 3}]
    plain = [call(n, "", metrics=[]) for n in range(7)]
    (folder / "day 2" / "b.json").write_text(json.dumps({"results": plain, "next": None}))
    odd = call(8, "", metrics=scores, colour="red")
    odd["transcript"].append({"role": "tool_result", "content": "a\0b"})
    (folder / "a.csv").write_text("call_id,project,agent\nx\n")
    packed = gzip.compress(lines(odd, *[{"event": n} for n in range(12)]).encode("utf-16"))
    (folder / "c.jsonl.gz").write_bytes(packed)
    (folder / "empty.json").write_text("[]")
    done = command(settings, "import", str(folder))
    assert (done.returncode, done.stdout) == (1, "8 new, 0 updated, 0 unchanged, 13 rejected\n")
    said = done.stderr.replace(str(folder), "F").splitlines()
    assert said == [
        "F: 1 file passed over, by their names no files of calls",
        "F/a.csv:2: project is missing",
        *[f"F/c.jsonl.gz:{n}: call_id is missing" for n in range(2, 12)],
        "F/c.jsonl.gz:13: the last of 2 more in a row: call_id is missing",
        "--project NAME says whose calls these are.",
        f"F/a.csv: nothing in it is a call in a known format; --format takes {FORMATS_SAID}",
        "F/empty.json: no call in it",
        "F/c.jsonl.gz: native, JSON lines, gzip, utf-16-le",
        "F/day 2/b.json: native, a page (results)",
        "metric 'C#' has the slug c-2: c is 'C++'",
        "left out: fields passed over: 1; the first: F/c.jsonl.gz:1: 'colour'",
        "left out: characters that cannot be stored, replaced by U+FFFD: 1",
        "7 calls without a metric result, so not to be audited: "
        "call-0, call-1, call-2, call-3, call-4 and 2 more",
        "1 score of 'C#' without a verdict: give a pass rule: "
        "failure-insights metrics rule 'Shoe Shop' 'C#' '>= 4'",
    ]


def test_the_commands_of_the_page_on_importing_work(
    settings: dict[str, str], tmp_path: Path
) -> None:
    page = (TOP / "docs" / "importing.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    (files, pipe), (rule,) = (block.splitlines() for block in blocks)
    (tmp_path / "export").mkdir()
    rated = [call(n, "", metrics=[{"name": "CSAT", "score": n}]) for n in range(3)]
    (tmp_path / "export" / "one.json").write_text(json.dumps(rated[0], indent=2))
    (tmp_path / "calls.jsonl.gz").write_bytes(gzip.compress(lines(rated[1]).encode()))
    outcomes = []
    for line in (files, pipe.partition(" | ")[2], rule):
        program, *words = shlex.split(line)
        assert program == ".venv/bin/failure-insights"
        sent = json.dumps({"results": rated})
        outcomes.append(command(settings, *words, given=sent, folder=tmp_path))
    assert [done.returncode for done in outcomes] == [0, 0, 0]
    assert [done.stdout for done in outcomes] == [
        "2 new, 0 updated, 0 unchanged, 0 rejected\n",
        "1 new, 0 updated, 2 unchanged, 0 rejected\n",
        "CSAT passes when the score is >= 4; 3 results judged anew\n",
    ]


def test_a_pass_rule_that_is_given_later_judges_what_is_stored(settings: dict[str, str]) -> None:
    scored = [{"name": "Mood", "score": 2, "explanation": "Cross."}]
    calls = lines(*(call(number, "", metrics=scored) for number in range(4)))
    assert command(settings, "import", "-", given=calls).returncode == 0
    audit = ("audit", "--project", "Shoe Shop", "--metric", "Mood", "--json")
    before = json.loads(command(settings, *audit).stdout)
    assert (before["status"], before["num_failing_calls"]) == ("skipped_not_enough_data", 0)
    rule = command(settings, "metrics", "rule", "shoe-shop", "mood", "score>=3")
    assert rule.stdout == "Mood passes when the score is >= 3; 4 results judged anew\n"
    again = command(settings, "metrics", "rule", "shoe-shop", "mood", ">= 3")
    assert again.stdout.endswith("0 results judged anew\n")
    assert json.loads(command(settings, *audit).stdout)["num_failing_calls"] == 4
    assert command(settings, "import", "-", given=calls).stdout.startswith("0 new, 0 updated, 4")


def test_an_audit_prints_the_row_or_the_breakdown_and_exports_are_the_same(
    settings: dict[str, str],
) -> None:
    assert command(settings, "import", "-", given=CALLS).returncode == 0
    names = ("--project", "Shoe Shop", "--metric", "expected outcome")
    audited = command(settings, "audit", *names, "--json")
    assert audited.returncode == 0, audited.stderr
    row = json.loads(audited.stdout)
    assert (row["status"], row["trigger"], row["num_failing_calls"]) == ("succeeded", "manual", 8)
    assert sorted(mode["count"] for mode in row["failure_modes"]) == [4, 4]
    began, ended = audited.stderr.splitlines()
    assert began.startswith("Auditing shoe-shop/expected-outcome as of ")
    assert ended == f"Insight {row['id']}: succeeded."

    exported = command(settings, "export", str(row["id"]), "--format", "json")
    assert json.loads(exported.stdout) == row
    as_csv = command(settings, "export", str(row["id"]), "--format", "csv").stdout
    table = list(csv.DictReader(io.StringIO(as_csv)))
    assert sorted(line["call_id"] for line in table) == [f"call-{number}" for number in range(8)]
    assert {line["title"] for line in table} == {mode["title"] for mode in row["failure_modes"]}
    as_text = command(settings, "export", str(row["id"])).stdout
    assert as_text.startswith("# shoe-shop: Expected Outcome\n\n8 failing calls, ")
    assert all(f"call-{number}" in as_text for number in range(8))

    at = (NOW - timedelta(days=3)).isoformat()
    earlier = command(settings, "audit", *names, "--at", at, "--window-days", "2")
    assert earlier.returncode == 0
    assert "Not enough metric failure instances in last 7 days." in earlier.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("import", "nowhere.jsonl"), "no_such_file"),
        (("import", "/"), "folder_too_large"),
        (("import", "-", "--format", "csv"), "unknown_format"),
        (("metrics", "rule", "x", "y", ">= 1"), "unknown_project"),
        (("audit", "--project", "x", "--metric", "y"), "unknown_project"),
        (
            ("audit", "--project", "x", "--metric", "y", "--at", "2026-11-23T06:00"),
            "time_without_zone",
        ),
        (("export", "1"), "unknown_insight"),
        (("keys", "revoke", "ci"), "unknown_key"),
        (("keys", "create", " "), "key_without_name"),
        (("up", "--port", "3000"), "same_port"),
        (("up", "--host", "no.such.host.invalid"), "foreign_address"),
        (("up", "--host", "0.0.0.0"), "no_api_key"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    settings: dict[str, str], words: tuple[str, ...], code: str
) -> None:
    done = command(settings, *words)
    assert done.returncode == 2
    assert codes_of(done.stderr) == [code]
    assert len(done.stderr.splitlines()) == 1


def test_only_eligible_metrics_of_a_known_project_are_audited(settings: dict[str, str]) -> None:
    command(settings, "import", "-", given=CALLS)
    for metric, code in (("Latency", "metric_not_eligible"), ("Patience", "unknown_metric")):
        done = command(settings, "audit", "--project", "shoe-shop", "--metric", metric, "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert codes_of(done.stderr) == [code]


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("small_pool", "few", "unusable_setting"),
        ("auditor", "oracle", "unusable_setting"),
        ("session_secret", "secret@weak", "unusable_setting"),
        ("database_url", "mysql://me:secret@host/db", "unusable_setting"),
        ("database_url", "postgresql://me:secret@127.0.0.1:1/db", "database_unreachable"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    tmp_path: Path, setting: str, value: str, code: str
) -> None:
    done = command(environment_of(tmp_path, **{setting: value}), "keys", "list")
    assert done.returncode == 2
    assert codes_of(done.stderr) == [code]
    assert f"FAILURE_INSIGHTS_{setting.upper()}" in done.stderr
    assert "secret@" not in done.stderr
    assert "Traceback" not in done.stderr
