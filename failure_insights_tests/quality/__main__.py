"""`python -m failure_insights_tests.quality`: how well auditors find planted causes."""

import argparse

from rich.console import Console

from failure_insights.audit.auditor import Auditor
from failure_insights.audit.wording import WordingAuditor
from failure_insights_tests.quality import report


def main() -> None:
    """Print the tables; all figures but the speed are the same on every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="pools of each size and kind")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    console = Console(width=150)
    auditor: Auditor = WordingAuditor()
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
