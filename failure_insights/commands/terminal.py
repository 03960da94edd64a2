"""What commands say to the terminal: progress and complaints, on standard error."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer
from rich.console import Console

from failure_insights.errors import FailureInsightsError

terminal = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Say what is going on; lines are never broken, so that they can be copied."""
    terminal.print(text, markup=False, soft_wrap=True)


def complain(text: str, code: str) -> None:
    """Say what is wrong, with the error's code at the end of the first line."""
    first, *rest = text.split("\n")
    lines = "\n".join([f"failure-insights: {first} [{code}]", *rest])
    terminal.print(lines, style="red", markup=False, soft_wrap=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say what was wrong in a sentence and exit with status 2, instead of a traceback."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except FailureInsightsError as error:
        complain(str(error), error.code)
    except ValidationError as error:
        for problem in error.errors():
            reason = problem["msg"].removeprefix("Value error, ")
            variable = _variable(problem["loc"])
            complain(f"the setting {variable} cannot be used: {reason}.", "unusable_setting")
    except DBAPIError as error:
        # Its own text would repeat the statement: words of transcripts.
        complain(
            f"Postgres did not do what it was asked ({type(error.orig).__name__}). Is it up, and "
            "may this user create tables? What was stored before is kept.",
            "database_refused",
        )
    except BrokenPipeError:
        raise  # nobody reads on, as with `| head`
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or 'no file'}", "system_error")
    else:
        return
    raise typer.Exit(2)


def end_on_sigterm() -> None:
    """End by the ordinary way when asked to, so that an embedded Postgres is stopped too."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _variable(place: tuple[int | str, ...]) -> str:
    from failure_insights.settings import environment_names

    name = str(place[0]) if place else ""
    return environment_names().get(name, name)
