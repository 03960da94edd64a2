"""The `cekura` package against our server: every call of the table, by SDK and command line."""

from pathlib import Path

import pytest
from cekura import ServerError
from sqlalchemy import Engine

from failure_insights.domain.metrics import PREDEFINED_CODE_METRICS, PREDEFINED_LLM_JUDGES
from failure_insights.web.cekura.predefined import PREDEFINED
from failure_insights_tests.cekura_package.steps import NOT_DONE, STEPS, world


def test_every_listed_call_works_through_the_sdk_and_the_command_line(
    engine: Engine, tmp_path: Path
) -> None:
    with world(engine, tmp_path) as running:
        for step in STEPS:
            answer = step.sdk(running)
            assert step.holds(answer, running), (step.name, answer)
            if step.command:
                answer = running.run(*step.command(running))
                assert step.holds(answer, running), (step.name, answer)
        for name, call, word in NOT_DONE:
            with pytest.raises(ServerError) as refused:
                call(running.sdk)
            assert refused.value.status_code == 501, name
            assert word in refused.value.response_body["detail"], name


def test_every_predefined_metric_has_an_id() -> None:
    assert set(PREDEFINED.values()) == PREDEFINED_LLM_JUDGES | PREDEFINED_CODE_METRICS
