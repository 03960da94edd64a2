"""The shapes of projects and what belongs to one: metric cards, views, agents."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from failure_insights.domain.metrics import MetricType, ScoreType
from failure_insights.web.api.models import NO_NUL, Listing, Name, example, page_example

Words = Annotated[str, StringConstraints(max_length=200_000, pattern=NO_NUL)]


_CARD = {
    "type": "llm_judge",
    "prompt": "Did the agent say anything that its knowledge does not hold?",
    "description": "No invented facts.",
    "pass_rule": ">= 4",
    "score_type": "rating",
}
_METRIC = {"name": "Hallucination", "slug": "hallucination", "is_eligible": True, **_CARD}
_VIEW = {"name": "At night", "slug": "at-night", "agents": ["night-line"]}
_AGENT = {"name": "front-desk", "created_at": "2026-11-23T09:31:07Z"}
_PROJECT = {"slug": "clinic", "name": "Clinic", "created_at": "2026-11-23T09:31:07Z"}


class MetricCardBody(BaseModel):
    """A metric's card, whole: what is left out goes back to its default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(_CARD))
    type: MetricType | None = Field(None, description="Default: llm_judge unless predefined.")
    prompt: Words = ""
    description: Words = ""
    pass_rule: Name | None = Field(None, description="When a score passes, such as '>= 4'.")
    score_type: ScoreType = "binary"


class MetricCard(BaseModel):
    model_config = ConfigDict(json_schema_extra=example(_METRIC))
    name: str
    slug: str
    type: MetricType
    prompt: str
    description: str
    pass_rule: str | None
    score_type: ScoreType
    is_eligible: bool = Field(description="Whether its failing calls are audited.")


class MetricList(Listing):
    model_config = ConfigDict(json_schema_extra=page_example("clinic/metrics/", _METRIC))
    results: list[MetricCard]


class ViewBody(BaseModel):
    """A view's agents, all of them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=example({"agents": ["front-desk", "night-line"]})
    )
    agents: list[Name] = Field(max_length=1000, description="Names of the project's agents.")


class View(BaseModel):
    model_config = ConfigDict(json_schema_extra=example(_VIEW))
    name: str
    slug: str
    agents: list[str]


class ViewList(Listing):
    model_config = ConfigDict(json_schema_extra=page_example("clinic/views/", _VIEW))
    results: list[View]


class Agent(BaseModel):
    name: str
    created_at: datetime


class AgentList(Listing):
    model_config = ConfigDict(json_schema_extra=page_example("clinic/agents/", _AGENT))
    results: list[Agent]


class Project(BaseModel):
    slug: str
    name: str
    created_at: datetime


class ProjectList(Listing):
    model_config = ConfigDict(json_schema_extra=page_example("", _PROJECT))
    results: list[Project]
