"""`python -m failure_insights_tests.quality`: how well auditors find planted causes."""

import argparse
import os
from pathlib import Path

from rich.console import Console

from failure_insights.audit.wording import WordingAuditor
from failure_insights.domain.auditing import Auditor
from failure_insights_tests.quality import agent_report, agents, hard, real_calls, report


def main() -> None:
    """Print the tables; all figures but the speed are the same on every run.

    The wording auditor is always measured. The agent is with readers that know the causes in
    place of an LLM, or with an endpoint, which costs about 50,000 tokens a pool.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="pools of each size and kind")
    parser.add_argument("--readers", action="store_true", help="the agent with scripted readers")
    parser.add_argument("--talk", type=Path, help="real calls that hard pools are made long of")
    parser.add_argument("--endpoint", help="base URL; also OPENAI_BASE_URL or OPENAI_API_KEY")
    parser.add_argument("--model", help="of the endpoint; also FAILURE_INSIGHTS_MODEL")
    parser.add_argument("--calls", type=Path, help="audit these calls (native JSON lines) instead")
    parser.add_argument("--project", help="of the calls")
    parser.add_argument("--metric", help="of the calls")
    parser.add_argument("--labels", type=Path, nargs="*", default=(), help="people's causes, JSON")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    console = Console(width=180)
    named = any(os.environ.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
    if arguments.calls:
        if not (arguments.project and arguments.metric):
            parser.error("--calls needs --project and --metric")
        with agents.store() as engine:
            uses_llm = arguments.endpoint or named
            opened = agents.agent(engine, arguments.endpoint, arguments.model)
            auditor: Auditor = agents.OpenedForEach(opened) if uses_llm else WordingAuditor()
            place = (arguments.calls, arguments.project, arguments.metric)
            real_calls.show_real_calls(console, auditor, *place, arguments.labels)
        return
    show_wording(console, WordingAuditor(), seeds)
    if not (arguments.readers or arguments.endpoint or named):
        return
    with agents.store() as engine:
        if arguments.readers:
            talk = hard.talk_of_file(arguments.talk) if arguments.talk else ()
            agent_report.show_readers(console, engine, seeds, talk)
        if arguments.endpoint or named:
            opened = agents.agent(engine, arguments.endpoint, arguments.model)
            agent_report.show_endpoint(console, agents.OpenedForEach(opened))


def show_wording(console: Console, auditor: Auditor, seeds: range) -> None:
    lexical = report.measure(auditor, report.lexical_pools(seeds=seeds))
    report.show_scores(
        console,
        "Lexical sets, by domain",
        lexical,
        lambda m: m.planted.pool.project + (" (held out)" if m.planted.held_out else ""),
    )
    report.show_scores(
        console, "Lexical sets, by size", lexical, lambda m: f"{len(m.planted.pool.calls)} calls"
    )
    report.show_scores(
        console, "Lexical sets, by causes", lexical, lambda m: f"{len(m.planted.causes)} causes"
    )
    report.show_kinds(console, auditor, seeds)
    report.show_continuity(console, auditor, seeds)
    report.show_speed(console, auditor)
    report.show_themes(console, auditor)


if __name__ == "__main__":
    main()
