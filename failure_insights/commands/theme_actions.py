"""What the commands of `themes` do."""

import getpass
from collections.abc import Sequence
from datetime import datetime

from failure_insights.commands.store_transaction import store_transaction
from failure_insights.commands.terminal import say
from failure_insights.domain.theme_life import (
    DISMISSAL_REASONS,
    DismissalReason,
    GivenState,
    ThemeState,
)
from failure_insights.errors import BadInput
from failure_insights.export.theme_tests import make_tests, rendered
from failure_insights.store.paging import Page
from failure_insights.store.projects import find_project
from failure_insights.store.theme_acts import (
    ThemeChange,
    acts_of,
    change_theme,
    split_calls,
    undo_act,
)
from failure_insights.store.theme_lists import (
    ThemeRow,
    find_theme,
    list_themes,
    project_of_theme,
)

#: Themes that a list prints, and acts that a theme's history does.
MOST_THEMES, MOST_ACTS = 1_000, 200


def show_all(project: str, metric: str | None, state: ThemeState | None) -> None:
    """Print a project's themes, a line each."""
    with store_transaction() as connection:
        place = find_project(connection, project)
        page = Page(size=MOST_THEMES)
        listed = list_themes(connection, place, page, metric_name=metric, state=state)
    for row in listed.rows:
        print(_line(row))


def show(theme_id: str) -> None:
    """Print a theme and what was done with it."""
    with store_transaction() as connection:
        row = find_theme(connection, project_of_theme(connection, theme_id), theme_id)
        acts = acts_of(connection, theme_id, Page(size=MOST_ACTS)).rows
    print(_line(row))
    for words in (row["description"], row["note"], row["owner"], row["link"]):
        if words:
            print(words)
    for act in acts:
        undone = f", taken back by {act.undone_by}" if act.undone_by else ""
        print(f"{act.id}\t{act.at:%Y-%m-%d %H:%M} UTC\t{act.by}\t{act.kind}{undone}")


def give_state(
    theme_id: str,
    state: GivenState,
    by: str | None,
    *,
    note: str,
    reason: str | None = None,
    since: str | None = None,
) -> None:
    """Give a theme a state; `since` is ISO 8601 with a zone."""
    change = ThemeChange(state, note=note, reason=_reason(reason), since=_time(since))
    _change(theme_id, change, by)


def give(
    theme_id: str,
    by: str | None,
    *,
    title: str | None = None,
    merged_into: str | None = None,
    owner: str | None = None,
    link: str | None = None,
) -> None:
    """Give a theme what is not None."""
    change = ThemeChange(title=title, merged_into=merged_into, owner=owner, link=link)
    _change(theme_id, change, by)


def _change(theme_id: str, change: ThemeChange, by: str | None) -> None:
    """Do what a change says, and print the theme as it is then."""
    with store_transaction() as connection:
        place = project_of_theme(connection, theme_id)
        acts = change_theme(connection, place, theme_id, change, _who(by))
        print(_line(find_theme(connection, place, theme_id)))
    for act in acts:
        say(f"'themes undo {theme_id} {act}' takes it back.")


def split(
    theme_id: str, call_ids: Sequence[str], title: str, into: str | None, by: str | None
) -> None:
    """Split calls off a theme."""
    with store_transaction() as connection:
        place = project_of_theme(connection, theme_id)
        act = split_calls(connection, place, theme_id, call_ids, _who(by), title=title, into=into)
    say(f"'themes undo {theme_id} {act}' takes it back.")


def undo(theme_id: str, act: int, by: str | None) -> None:
    """Take an act back, and print the theme as it is then."""
    with store_transaction() as connection:
        place = project_of_theme(connection, theme_id)
        undo_act(connection, place, theme_id, act, _who(by))
        print(_line(find_theme(connection, place, theme_id)))


def _line(row: ThemeRow) -> str:
    count = row["history"][-1]["count"] if row["history"] else 0
    state = row["state"] if row["trend"] == "steady" else f"{row['state']}, {row['trend']}"
    return f"{row['theme_id']}\t{state}\t{count}\t{row['metric_name'] or ''}\t{row['title']}"


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _reason(given: str | None) -> DismissalReason | None:
    if given is None:
        return None
    for reason in DISMISSAL_REASONS:
        if reason == given:
            return reason
    raise BadInput(
        f"--reason {given!r} is none of {', '.join(DISMISSAL_REASONS)}", code="bad_reason"
    )


def _time(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BadInput(
            f"--since {given!r} is no time with a zone; write it like 2026-11-23T06:00Z",
            code="bad_time",
        )
    return time


def print_tests(theme_id: str, format: str, expected: str, limit: int) -> None:
    """Print tests of a theme in one of `TEST_FORMATS`."""
    with store_transaction() as connection:
        project = project_of_theme(connection, theme_id)
        tests = make_tests(connection, project, theme_id, expected=expected, limit=limit)
    print(rendered(tests, format))
