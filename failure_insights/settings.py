"""Every setting, its default and why. They come from the environment or from `.env`."""

import os
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, NonNegativeFloat, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from failure_insights.domain.pools import PoolRule

CHECKOUT = Path(__file__).resolve().parent.parent
_PREFIX = "FAILURE_INSIGHTS_"
#: Of a secret that signs cookies: 32 of `openssl rand -hex` are 128 bits.
MIN_SECRET_CHARACTERS = 32


def _default_home() -> Path:
    is_checkout = (CHECKOUT / "pyproject.toml").exists()
    return (CHECKOUT if is_checkout else Path.home()) / ".failure_insights"


class Settings(BaseSettings):
    """Settings of every process; each name has `FAILURE_INSIGHTS_` before it, but for OpenAI's."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", extra="ignore", populate_by_name=True
    )

    database_url: str | None = Field(
        None, description="Postgres that holds everything; unset: the embedded one under `home`."
    )
    home: Path = Field(
        default_factory=_default_home,
        description="State of the embedded parts; unset: `.failure_insights` in the checkout, "
        "or in your home folder where there is none.",
    )

    openai_api_key: str | None = Field(
        None, validation_alias="OPENAI_API_KEY", description="Key of the LLM endpoint."
    )
    openai_base_url: str | None = Field(
        None, validation_alias="OPENAI_BASE_URL", description="Any OpenAI-compatible endpoint."
    )
    model: str = Field("gpt-5-mini", description="Model of the audit agent.")
    reader_model: str | None = Field(
        None, description="Model of notes and assignment; unset: the agent's."
    )
    auditor: Literal["auto", "agent", "wording"] = Field(
        "auto", description="`auto`: the agent if a key or base URL is set, else wording."
    )
    thoroughness: Literal["thorough", "economy"] = Field(
        "thorough",
        description="`thorough` reads every call, whole where it fits; `economy` a tenth of them, "
        "in short, for a seventh of the tokens.",
    )
    language: str = Field(
        "English", description="Of titles and descriptions; quotes stay in the call's own."
    )
    audit_token_budget: PositiveInt = Field(
        600_000, description="Tokens in and out of one audit; spent: it is finished as it stands."
    )
    audit_seconds: PositiveInt = Field(
        600, description="Seconds for one audit's LLM requests; over: it is finished as it stands."
    )
    llm_failure: Literal["wording", "fail"] = Field(
        "wording",
        description="What an audit does where the LLM endpoint refuses: group by wording, or fail.",
    )
    llm_concurrency: PositiveInt = Field(
        16, description="LLM requests at once at most, in each process; it begins with half."
    )
    llm_cache_days: PositiveInt = Field(
        30, description="Days for which answers of the LLM are kept, to be used again."
    )
    llm_timeout_seconds: PositiveInt = Field(90, description="Of one LLM request.")

    sort_between_audits: bool = Field(
        False,
        description="Sort failing calls that come after an audit into its themes, every 15 "
        "minutes, by an LLM and their explanations alone; shown beside the audit's counts.",
    )

    prices_file: Path | None = Field(
        None,
        description="TOML with your prices of models, which go before those of `llm/prices.toml`.",
    )

    monthly_cap: NonNegativeFloat | None = Field(
        None,
        description="US dollars that LLM requests may cost in a calendar month (UTC), all projects "
        "together; an audit that could pass it is grouped by wording, and says so.",
    )

    small_pool: PositiveInt = Field(
        10, description="Fewer failing calls in 24 hours than this: the last 7 days are read."
    )
    min_failing_calls: PositiveInt = Field(
        3, description="Fewer failing calls than this even in 7 days: the audit is skipped."
    )
    max_calls: PositiveInt = Field(
        200,
        le=1000,
        description="Transcripts that an audit reads at most, unless its request says; "
        "of very long calls it reads fewer, as many as its tokens pay for.",
    )
    first_date: date = Field(
        date(2026, 1, 1), description="First date of the grid; no earlier day can be audited."
    )
    pairs_per_run: PositiveInt = Field(
        1000, description="Pairs of the grid in one Dagster run; starting a run costs seconds."
    )
    fork_runs: bool = Field(
        False,
        description="Dagster's runs are forks of a process that has everything imported; "
        "`up` sets it, and where runs are pods or containers it has no use.",
    )
    dagster_patches: bool = Field(
        True, description="Use what makes Dagster faster below its public names; off: all works."
    )
    concurrent_audits: PositiveInt = Field(
        24, description="Audits at once inside a run; with fewer, LLM requests at once stay unused."
    )
    pull_schedule: str = Field(
        "*/15 * * * *",
        description="When new calls of pulled sources are brought (cron, UTC); "
        "at 05:50 they are in any case.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where people open the dashboard, for links to it."
    )
    dagster_url: str = Field(
        "http://127.0.0.1:3000", description="Where people open Dagster's pages, for links to runs."
    )
    requests_per_minute: PositiveInt = Field(
        6000, description="API requests a minute with one key, in each process; more: 429."
    )
    session_secret: SecretStr | None = Field(
        None,
        # A cookie tells whether a guess of a short secret is right, and can be tried at leisure.
        min_length=MIN_SECRET_CHARACTERS,
        description="Signs the pages' cookies, 32 characters or more that nobody can guess"
        " (`openssl rand -hex 32`); unset: made once and kept under `home`.",
    )

    @field_validator(
        *(
            "database_url",
            "openai_api_key",
            "openai_base_url",
            "reader_model",
            "prices_file",
            "monthly_cap",
        ),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("home", "prices_file")
    @classmethod
    def _is_the_same_for_every_process(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _is_of_postgres(cls, url: str | None) -> str | None:
        if url is None:
            return None
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            if make_url(url).drivername.partition("+")[0] in ("postgresql", "postgres"):
                return url
        except (ArgumentError, ValueError):
            pass
        raise ValueError("write it like postgresql://user:password@host:5432/database")

    @property
    def pool_rule(self) -> PoolRule:
        return PoolRule(self.small_pool, self.min_failing_calls)

    @property
    def uses_agent(self) -> bool:
        if self.auditor == "auto":
            return bool(self.openai_api_key or self.openai_base_url)
        return self.auditor == "agent"


def environment_names() -> dict[str, str]:
    """Return the environment variable of each setting, by the setting's name."""
    return {
        name: str(field.validation_alias or f"{_PREFIX}{name.upper()}")
        for name, field in Settings.model_fields.items()
    }


@cache
def get_settings() -> Settings:
    """Return the process's settings; for entry points, which hand them on as arguments.

    Raises:
        pydantic.ValidationError: a setting has a value that it cannot have.
    """
    return Settings()


def secret_named(variable: str) -> str | None:
    """Return a secret that is named by its variable, from the environment or from `.env`.

    Sources name where their keys are, so that no key is in the database.
    """
    return os.environ.get(variable) or dotenv_values(".env").get(variable) or None
