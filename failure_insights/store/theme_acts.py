"""What people do with themes: each act with who, when, before and after, and how to take it back.

`theme_acts` only grows. What all acts together come to stands in the columns of `themes` and in
`theme_split_calls`; `store/applied_acts.py` applies that wherever audits are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, text
from typing_extensions import TypedDict

from failure_insights.domain.theme_life import DISMISSAL_REASONS, DismissalReason, GivenState
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.database import query
from failure_insights.store.documented import documented
from failure_insights.store.paging import Listed, Page
from failure_insights.store.project_lists import listed
from failure_insights.store.projects import ProjectRow

ActKind = Literal["state", "title", "merge", "split", "owner", "link"]
#: The columns of `themes` that an act of each kind changes.
COLUMNS: Mapping[ActKind, tuple[str, ...]] = {
    "state": ("state", "state_since", "dismissal_reason", "note"),
    "title": ("given_title",),
    "merge": ("merged_into",),
    "owner": ("owner",),
    "link": ("link",),
}
#: Characters of a title, an owner, a link and a note at most.
MOST_TITLE, MOST_OWNER, MOST_LINK, MOST_NOTE = 200, 200, 2_000, 2_000


@dataclass(frozen=True, slots=True)
class ThemeChange:
    """What is to become of a theme; None leaves a thing as it is, "" takes it away.

    `reason` belongs to `dismissed`. `since` says from when on a state holds, such as when the fix
    went out (aware; default: now); calls of a resolved theme after it are a regression.
    `merged_into` is another theme of the same metric, or "" to part them again.
    """

    state: GivenState | None = None
    reason: DismissalReason | None = None
    note: str | None = None
    since: datetime | None = None
    title: str | None = None
    merged_into: str | None = None
    owner: str | None = None
    link: str | None = None


@documented
@dataclass(frozen=True, slots=True)
class ActRow:
    """One act on a theme."""

    id: int
    theme_id: str
    kind: ActKind
    by: str
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    undoes: int | None
    """The act that this one takes back."""
    undone_by: int | None
    """The act that took this one back."""


class SplitRow(TypedDict):
    """Where a call that was split off counts, as acts keep it."""

    call_id: str
    into_theme: str | None
    title: str


@dataclass(frozen=True, slots=True)
class _Theme:
    """A theme as it stands, locked until the transaction ends."""

    theme_id: str
    project_metric: str
    columns: Mapping[str, Any] = field(default_factory=dict)


def change_theme(
    connection: Connection, project: ProjectRow, theme_id: str, change: ThemeChange, by: str
) -> list[int]:
    """Do to a theme what a change says; return the IDs of the acts, one for each thing changed.

    What is so already is no act.

    Raises:
        UnknownName: the project has no such theme, or none to merge it into.
        BadInput: a dismissal without a reason, a reason without a dismissal, a link that is no web
            address, a merge with a theme of another metric or with itself.
    """
    theme = _locked(connection, project, theme_id)
    acts: list[int] = []
    for kind, after in _wanted(connection, project, theme, change).items():
        before = {name: theme.columns[name] for name in after}
        if kind == "merge":
            acts += _merge(connection, theme, after["merged_into"], by)
        elif _differs(before, after):
            _set(connection, theme_id, after)
            acts.append(_keep(connection, theme_id, kind, by, before, after))
    return acts


def split_calls(
    connection: Connection,
    project: ProjectRow,
    theme_id: str,
    call_ids: Sequence[str],
    by: str,
    *,
    title: str = "",
    into: str | None = None,
) -> int:
    """Say that these calls are not of the theme; return the act's ID.

    Wherever audits are read they count for the theme `into`, or as another cause of the `title`,
    or (with neither) for no theme.

    Raises:
        UnknownName: the project has no such theme, or the theme never held one of the calls.
        BadInput: no call is named, or `into` is of another metric.
    """
    theme = _locked(connection, project, theme_id)
    wanted = sorted(set(call_ids))
    if not wanted:
        raise BadInput("name the calls to split off, as call_ids")
    values = {"theme_id": theme_id, "call_ids": wanted}
    known = set(connection.execute(query("calls_of_theme"), values).scalars())
    if missing := [call for call in wanted if call not in known]:
        raise UnknownName(f"theme {theme_id} holds no call {missing[0][:80]!r}")
    if into is not None:
        into = _target(connection, project, theme, into).theme_id
    before = _split_rows(connection, theme_id, wanted)
    after: list[SplitRow] = [
        {"call_id": call, "into_theme": into, "title": _short(title, MOST_TITLE, "title")}
        for call in wanted
    ]
    _set_split(connection, theme_id, wanted, after)
    return _keep(connection, theme_id, "split", by, {"calls": before}, {"calls": after})


def undo_act(
    connection: Connection, project: ProjectRow, theme_id: str, act_id: int, by: str
) -> int:
    """Take an act on a theme back, which is one more act; return its ID.

    Raises:
        UnknownName: the project has no such theme, or the theme no such act.
        BadInput: it was taken back already, or a later act changed the same.
    """
    theme = _locked(connection, project, theme_id)
    act = connection.execute(
        text(
            "SELECT act.*, later.id AS undone_by FROM theme_acts AS act"
            " LEFT JOIN theme_acts AS later ON later.undoes = act.id"
            " WHERE act.id = :id AND act.theme_id = :theme_id"
        ),
        {"id": act_id, "theme_id": theme_id},
    ).first()
    if act is None:
        raise UnknownName(f"there is no act {act_id} on theme {theme_id[:80]!r}")
    if act.undone_by:
        raise BadInput(f"act {act_id} was taken back already, by act {act.undone_by}")
    if act.kind == "split":
        call_ids = [item["call_id"] for item in act.after["calls"]]
        _require_unchanged(act, _split_rows(connection, theme_id, call_ids), act.after["calls"])
        _set_split(connection, theme_id, call_ids, act.before["calls"])
    else:
        stands = {name: theme.columns[name] for name in COLUMNS[act.kind]}
        _require_unchanged(act, _plain(stands), {name: act.after[name] for name in stands})
        before = {name: act.before[name] for name in stands}
        if act.kind == "merge" and before["merged_into"]:
            # What it goes back into may have been merged itself since.
            target = _target(connection, project, theme, before["merged_into"])
            before = {"merged_into": target.theme_id}
            _follow(connection, _merged_into(connection, theme_id), target.theme_id)
        elif act.kind == "merge":
            _follow(connection, act.after.get("with", []), theme_id)
        _set(connection, theme_id, before)
    return _keep(connection, theme_id, act.kind, by, act.after, act.before, undoes=act_id)


def acts_of(connection: Connection, theme_id: str, page: Page) -> Listed[ActRow]:
    """Return one page of what people did with a theme, the newest first."""
    return listed(connection, query("theme_acts"), ActRow, {"theme_id": theme_id}, page)


def _locked(connection: Connection, project: ProjectRow, theme_id: str) -> _Theme:
    statement = text(
        "SELECT theme_id, project_metric, state, state_since, dismissal_reason, note, given_title,"
        " merged_into, owner, link FROM themes"
        " WHERE theme_id = :theme_id AND split_part(project_metric, '/', 1) = :project"
        " FOR NO KEY UPDATE"
    )
    values = {"theme_id": theme_id, "project": project.slug}
    row = connection.execute(statement, values).mappings().first()
    if row is None:
        raise UnknownName(f"there is no theme {theme_id[:80]!r} in project {project.slug!r}")
    return _Theme(row["theme_id"], row["project_metric"], dict(row))


def _wanted(
    connection: Connection, project: ProjectRow, theme: _Theme, change: ThemeChange
) -> dict[ActKind, dict[str, Any]]:
    """Return the columns that a change asks for, by the kind of act."""
    wanted: dict[ActKind, dict[str, Any]] = {}
    if state := _wanted_state(theme, change):
        wanted["state"] = state
    if change.title is not None:
        title = _short(" ".join(change.title.split()), MOST_TITLE, "title")
        wanted["title"] = {"given_title": title or None}
    if change.owner is not None:
        wanted["owner"] = {"owner": _short(change.owner.strip(), MOST_OWNER, "owner")}
    if change.link is not None:
        wanted["link"] = {"link": _web_address(change.link.strip())}
    if change.merged_into is not None:
        target = (
            _target(connection, project, theme, change.merged_into).theme_id
            if change.merged_into
            else None
        )
        wanted["merge"] = {"merged_into": target}
    return wanted


def _wanted_state(theme: _Theme, change: ThemeChange) -> dict[str, Any] | None:
    if change.state is None:
        if change.reason is not None or change.since is not None:
            raise BadInput("a reason or a time belongs to a state; give the state too")
        if change.note is None:
            return None
        return {name: theme.columns[name] for name in COLUMNS["state"]} | {
            "note": _short(change.note.strip(), MOST_NOTE, "note")
        }
    if (change.state == "dismissed") != (change.reason is not None):
        raise BadInput(
            f"a dismissal needs a reason, and nothing else has one: {', '.join(DISMISSAL_REASONS)}"
        )
    return {
        "state": change.state,
        "state_since": _since(theme, change),
        "dismissal_reason": change.reason,
        "note": _short((change.note or "").strip(), MOST_NOTE, "note"),
    }


def _since(theme: _Theme, change: ThemeChange) -> datetime:
    """Return from when on the state holds: as given, as it was where nothing changes, or now."""
    now = datetime.now(UTC)
    if change.since is not None:
        if change.since.tzinfo is None:
            raise BadInput("since has no time zone; add Z or an offset such as +01:00")
        return min(change.since, now)
    unchanged = (theme.columns["state"], theme.columns["dismissal_reason"]) == (
        change.state,
        change.reason,
    )
    # To resolve again what came back is news.
    is_news = change.state == "resolved" or not theme.columns["state_since"]
    return now if is_news or not unchanged else theme.columns["state_since"]


def _target(connection: Connection, project: ProjectRow, theme: _Theme, given: str) -> _Theme:
    """Return the theme that another is merged or moved into, or what that one was merged into."""
    target = _locked(connection, project, given)
    if target.columns["merged_into"]:
        target = _locked(connection, project, target.columns["merged_into"])
    if target.theme_id == theme.theme_id:
        raise BadInput(f"theme {theme.theme_id} is that theme itself")
    if target.project_metric != theme.project_metric:
        raise BadInput(f"theme {given} is of another metric; only themes of one metric are one")
    return target


def _merge(connection: Connection, theme: _Theme, into: str | None, by: str) -> list[int]:
    """Merge a theme into another, with what was merged into it; None parts them again."""
    before = theme.columns["merged_into"]
    if before == into:
        return []
    children = _merged_into(connection, theme.theme_id)
    _set(connection, theme.theme_id, {"merged_into": into})
    if into:
        _follow(connection, children, into)
    return [
        _keep(
            connection,
            theme.theme_id,
            "merge",
            by,
            {"merged_into": before},
            {"merged_into": into, "with": children},
        )
    ]


def _merged_into(connection: Connection, theme_id: str) -> list[str]:
    statement = text("SELECT theme_id FROM themes WHERE merged_into = :id ORDER BY theme_id")
    return list(connection.execute(statement, {"id": theme_id}).scalars())


def _follow(connection: Connection, children: Sequence[str], into: str) -> None:
    """Have themes that were merged into one follow it to another, so that there is one level."""
    connection.execute(
        text("UPDATE themes SET merged_into = :into WHERE theme_id = ANY(:ids)"),
        {"into": into, "ids": list(children)},
    )


def _set(connection: Connection, theme_id: str, columns: Mapping[str, Any]) -> None:
    names = ", ".join(f"{name} = :{name}" for name in columns)
    statement = text(f"UPDATE themes SET {names} WHERE theme_id = :theme_id")
    connection.execute(statement, {**columns, "theme_id": theme_id})


def _split_rows(connection: Connection, theme_id: str, call_ids: Sequence[str]) -> list[SplitRow]:
    statement = text(
        "SELECT call_id, into_theme, title FROM theme_split_calls"
        " WHERE theme_id = :theme_id AND call_id = ANY(:call_ids) ORDER BY call_id"
    )
    rows = connection.execute(statement, {"theme_id": theme_id, "call_ids": list(call_ids)})
    return [{"call_id": c, "into_theme": into, "title": title} for c, into, title in rows]


def _set_split(
    connection: Connection, theme_id: str, call_ids: Sequence[str], rows: Sequence[SplitRow]
) -> None:
    connection.execute(
        text("DELETE FROM theme_split_calls WHERE theme_id = :id AND call_id = ANY(:call_ids)"),
        {"id": theme_id, "call_ids": list(call_ids)},
    )
    if rows:
        connection.execute(
            text(
                "INSERT INTO theme_split_calls (theme_id, call_id, into_theme, title)"
                " VALUES (:theme_id, :call_id, :into_theme, :title)"
            ),
            [{"theme_id": theme_id, **row} for row in rows],
        )


def _keep(
    connection: Connection,
    theme_id: str,
    kind: ActKind,
    by: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    undoes: int | None = None,
) -> int:
    """Write an act down and return its ID."""
    statement = text(
        "INSERT INTO theme_acts (theme_id, kind, acted_by, before, after, undoes)"
        " VALUES (:theme_id, :kind, :acted_by, :before, :after, :undoes) RETURNING id"
    )
    values = {
        "theme_id": theme_id,
        "kind": kind,
        "acted_by": _short(by.strip(), MOST_OWNER, "by") or "somebody",
        "before": Jsonb(_plain(before)),
        "after": Jsonb(_plain(after)),
        "undoes": undoes,
    }
    return int(connection.execute(statement, values).scalar_one())


def _require_unchanged(act: Row[Any], stands: object, left: object) -> None:
    if stands != left:
        raise BadInput(
            f"a later act changed what act {act.id} did; take that one back first, or set it anew"
        )


def _plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as JSON has them: times as text."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in columns.items()
    }


def _differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return _plain(before) != _plain(after)


def _short(given: str, most: int, name: str) -> str:
    if len(given) > most:
        raise BadInput(f"{name} has {len(given):,} characters; {most:,} are the most")
    return given


def _web_address(given: str) -> str:
    try:
        parts = urlsplit(_short(given, MOST_LINK, "link"))
        is_address = parts.scheme in ("http", "https") and bool(parts.netloc)
    except ValueError:
        is_address = False
    if given and not is_address:
        raise BadInput(f"link {given[:80]!r} is not a web address; it begins with https://")
    return given
