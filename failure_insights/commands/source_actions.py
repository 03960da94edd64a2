"""What the commands of `sources` do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from failure_insights.commands.terminal import complain, say, terminal
from failure_insights.errors import BadInput
from failure_insights.pull.api import SourceFailed
from failure_insights.pull.providers import PULLED, SIGNED, checked_base_url
from failure_insights.pull.pulling import PullReport, pull
from failure_insights.settings import get_settings, secret_named
from failure_insights.store.opening import open_store
from failure_insights.store.sources import (
    SOURCE_KINDS,
    NewSource,
    SourceRow,
    add_source,
    find_source,
    list_sources,
    remove_source,
)

#: A source begins with the calls of the days that a small pool looks back to.
DAYS_BACK = 7
#: Calls that could not be fetched, as the terminal lists them.
FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `sources add`, as they were typed."""

    kind: str
    name: str
    project: str
    webhook: bool
    key_env: str | None
    user_env: str | None
    base_url: str | None
    since: str | None
    agent: str | None
    only: str | None


def add(options: Options) -> None:
    """Store a source; its name, or a webhook's address, goes to standard output.

    Raises:
        BadInput: an option cannot be used.
    """
    settings, new = get_settings(), new_source(options, datetime.now(UTC))
    with _store().begin() as connection:
        source = add_source(connection, new)
    for variable in filter(None, (source.key_env, source.user_env)):
        if secret_named(variable) is None:
            say(f"{variable} is not set here yet; set it in the environment or in .env.")
    if source.address:
        say(f"Give this address to {source.kind}; deliveries must be signed:")
        base = settings.public_url.rstrip("/")
        print(f"{base}/observability/v1/{source.kind}/observe/{source.address}/")
    else:
        say(f"Dagster brings its calls; at once: failure-insights sources pull {source.name}")
        print(source.name)


def new_source(options: Options, now: datetime) -> NewSource:
    """Return the source that the options describe.

    Raises:
        BadInput: one of them cannot be used with this kind.
    """
    known = SIGNED if options.webhook else PULLED
    kind = next((each for each in SOURCE_KINDS if each == options.kind and each in known), None)
    if kind is None:
        way = "that signs its webhooks" if options.webhook else "that can be asked for calls"
        raise BadInput(
            f"{options.kind!r} is none {way}; use one of {', '.join(known)}", code="unknown_kind"
        )
    if options.webhook:
        if options.base_url or options.since or options.only or options.user_env:
            raise BadInput(
                "--base-url, --since, --only and --user-env are not for webhooks",
                code="option_not_for_webhooks",
            )
        key_env = options.key_env or SIGNED[kind]
        return NewSource(
            options.name, kind, "webhook", options.project, options.agent or None, key_env
        )
    pulled = PULLED[kind]
    return NewSource(
        options.name,
        kind,
        "pull",
        options.project,
        agent=options.agent or None,
        key_env=options.key_env or (pulled.key_env if pulled.needs_key else None),
        user_env=options.user_env or pulled.user_env,
        base_url=checked_base_url(options.base_url) if options.base_url else None,
        only_id=options.only or None,
        since=_since(options.since, now),
    )


def show() -> None:
    """Print a line for each source."""
    with _store().connect() as connection:
        sources = list_sources(connection)
    for source in sources:
        print("\t".join(_described(source)))


def remove(name: str) -> None:
    """Remove a source.

    Raises:
        UnknownName: there is none of that name.
    """
    with _store().begin() as connection:
        remove_source(connection, name)
    say(f"Source {name} is removed; its calls stay.")


def pull_now(name: str | None) -> bool:
    """Pull one source or all of them, say what came, and return whether all went well.

    Raises:
        UnknownName: there is no source of that name.
        BadInput: there is none that can be pulled.
    """
    engine = _store()
    with engine.connect() as connection:
        sources = [find_source(connection, name)] if name else list_sources(connection, "pull")
    if not sources:
        raise BadInput(
            "there is no source to pull; failure-insights sources add makes one", code="no_sources"
        )
    if sources[0].way != "pull":
        raise BadInput(
            f"source {sources[0].name} is a webhook, which sends its calls itself",
            code="source_sends_itself",
        )
    # Each is pulled, whatever becomes of the others.
    outcomes = [_pull(engine, source) for source in sources]
    return all(outcomes)


def _pull(engine: Engine, source: SourceRow) -> bool:
    def on_progress(report: PullReport) -> None:
        status.update(f"{source.name}: {report.fetched:,} calls")

    try:
        with terminal.status(f"{source.name} ...") as status:
            report = pull(
                engine,
                source,
                now=datetime.now(UTC),
                secrets=secret_named,
                on_progress=on_progress,
            )
    except SourceFailed as error:
        complain(f"{source.name}: {error}", error.code)
        return False
    calls = report.calls
    print(
        f"{source.name}: {calls.new} new, {calls.updated} updated, {calls.unchanged} unchanged, "
        f"{calls.rejected} rejected"
    )
    for line in (*calls.rejections, *report.failures[:FAILURES_SHOWN]):
        say(f"{source.name}: {line}")
    for reason, count in (*calls.passed_over.items(), *calls.left_out.items()):
        say(f"{source.name}: {count} {reason}")
    if report.gone:
        say(f"{source.name}: {report.gone} calls were gone when they were asked for")
    return not calls.rejected and not report.failures


def _since(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now - timedelta(days=DAYS_BACK)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"--since {text!r} is not a time; write it like 2026-11-23", code="bad_time"
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _described(source: SourceRow) -> Iterator[str]:
    yield from (source.name, source.kind, source.project_slug)
    if source.way == "webhook":
        yield f"webhook {source.address}"
    elif source.cursor_at:
        yield f"pulled up to {source.cursor_at:%Y-%m-%d %H:%M} UTC"
    else:
        yield f"from {source.since:%Y-%m-%d %H:%M} UTC on"
    yield f"{source.new_calls} new, {source.updated_calls} updated, {source.rejected} rejected"
    yield f"failed: {source.last_error}" if source.last_error else "well"


def _store() -> Engine:
    settings = get_settings()
    return open_store(settings.database_url, settings.home)
