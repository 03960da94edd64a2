"""From Generate to the marked turn: the browser, the pages and a running Dagster daemon."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from failure_insights.settings import Settings
from failure_insights_tests.pipeline.dagster_site import dagster_site
from failure_insights_tests.quality.planted import plant
from failure_insights_tests.web.browsing import Watched, chromium, needs_chromium, serving
from failure_insights_tests.web.sample import Sample

pytestmark = [pytest.mark.slow, needs_chromium]


def test_generate_reload_and_read_what_failed(database_url: str, tmp_path: Path) -> None:
    with (
        dagster_site(database_url, tmp_path) as dagster,
        serving(dagster.engine, Settings(home=tmp_path, dagster_url=dagster.url)) as site,
        chromium() as browser,
    ):
        clinic = Sample.make(site.engine, "Clinic")
        planted = plant("clinic", 40, 2, 7, end=datetime.now(UTC))
        metric = clinic.metric(planted.pool.metric.name)
        for call in planted.pool.calls:
            turns = [asdict(turn) for turn in planted.transcripts[call.call_id]]
            clinic.calls([call.call_id], call.agent, call.started_at, turns)
            said = turns[planted.cause_turn[call.call_id]]["content"]
            words = f"{call.explanation} See: “{said}”"
            clinic.results(metric, [call.call_id], explanation=words)
        agent = planted.pool.calls[0].agent
        clinic.view("One agent", [agent])

        seen = Watched.open(browser, site)
        page = seen.page
        card = page.locator(f'[id="{metric}"]')
        expect(card).to_contain_text("Not audited yet.")
        card.get_by_text("Options").click()
        card.get_by_label("Window, days").fill("2")
        card.get_by_role("button", name="Generate").click()
        expect(card.locator(".working")).to_be_visible()
        seen.shoot("generate-asked")
        page.reload()
        expect(card.locator(".working")).to_be_visible()
        expect(card.locator(".theme").first).to_be_visible(timeout=90_000)
        expect(card).to_contain_text("40 failing calls in 2 days")
        expect(page.locator("#_announcer")).to_contain_text("theme")
        assert card.get_attribute("hx-trigger") is None
        run = card.get_by_role("link", name="Dagster run").get_attribute("href") or ""
        seen.shoot("generate-done")

        page.get_by_label("View").select_option("One agent")
        mine = sum(call.agent == agent for call in planted.pool.calls)
        expect(card).to_contain_text(f"{mine} failing calls")

        quote = card.locator("blockquote a[href*='#turn-']").first
        words = (quote.locator("q").text_content() or "").strip()
        quote.click()
        expect(page.locator("li:target mark").first).to_be_in_viewport()
        assert " ".join(words.split()) in " ".join(page.locator("li:target").inner_text().split())
        assert seen.faults == []
        assert dagster.rows("SELECT dagster_run_id FROM insights")[0][0] in run
        page.goto(run)
        expect(page.get_by_text(run.rsplit("/", 1)[1][:8]).first).to_be_visible()
