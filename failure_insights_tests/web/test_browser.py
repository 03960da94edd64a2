"""The pages in a real browser: what people do with them, how they look, what they keep to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.store.keys import create_key
from failure_insights.web.pages import links
from failure_insights.web.pages.insights import WHOLE_CARDS
from failure_insights_tests.web.browsing import Site, Watched, chromium, needs_chromium, serving
from failure_insights_tests.web.sample import Sample, Theme
from failure_insights_tests.web.showcase import ODD_IDS, TIMEOUT, showcase

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Site]:
    with serving(engine, Settings(home=tmp_path)) as site:
        yield site


SCREENS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 360)}


def look_at(browser: Browser, site: Site, pages: dict[str, str]) -> None:
    """Keep a picture of each page on each screen, and note what is wrong with it."""
    for screen, (scheme, width) in SCREENS.items():
        viewport = {"width": width, "height": 800}
        seen = Watched.open(browser, site, color_scheme=scheme, viewport=viewport)
        for name, address in pages.items():
            seen.goto(address)
            seen.shoot(f"{name}-{screen}")
            seen.check_width()
            # On a phone it is the same page; once is enough to see that its layout adds no fault.
            if screen != "phone" or name == "insights":
                seen.check_accessibility()
        seen.page.context.close()
        assert seen.faults == []


def test_every_page_is_accessible_fits_its_screen_and_keeps_to_its_host(
    browser: Browser, site: Site
) -> None:
    look_at(browser, site, {"empty": "/", "sign-in": "/sign-in", "docs": "/docs"})
    dental = showcase(site.engine)
    insight = dental.run("SELECT max(id) FROM insights WHERE metric_name = 'Expected Outcome'")
    failed = dental.run("SELECT max(id) FROM insights WHERE status = 'failed'")
    pages = {
        "insights": links.insights(dental.slug),
        "view": links.insights(dental.slug, "after-hours"),
        "insight": links.insight(dental.slug, insight),
        "failed": links.insight(dental.slug, failed),
        "digest": links.digest(dental.slug, 1),
        "theme-tests": links.theme_tests(
            dental.slug,
            str(
                dental.run("SELECT theme_id FROM themes WHERE title = :title", title=TIMEOUT.title)
            ),
        ),
        "alerts": links.alerts(dental.slug),
        "digests": links.digests(dental.slug),
        "costs": links.costs(dental.slug),
        "metric": links.metric(dental.slug, "expected-outcome"),
        "call": links.evidence(dental.slug, "call-0-0", insight, 5),
        "judges-words": links.evidence(dental.slug, "call-0-55", insight, None),
        "judge-error": links.evidence(dental.slug, "call-0-64", insight, 4),
        "hostile": links.insights("hostile"),
        "hostile-call": links.call("hostile", "long"),
    }
    look_at(browser, site, pages)


def test_signing_in_with_a_key_leads_back_and_signing_out_shuts_the_pages(
    browser: Browser, site: Site
) -> None:
    dental = Sample.make(site.engine)
    dental.audit(dental.metric("CSAT"), [Theme("Wrong day", 4)])
    with site.engine.begin() as connection:
        key = create_key(connection, "lead")
    seen = Watched.open(browser, site)
    seen.page.get_by_role("button", name="Sign out").click()
    seen.goto(links.metric(dental.slug, "csat"))
    seen.page.get_by_label("API key").fill(key)
    seen.page.get_by_role("button", name="Sign in").click()
    expect(seen.page.get_by_role("heading", name="Past audits")).to_be_visible()
    seen.page.get_by_role("button", name="Sign out").click()
    seen.goto("/")
    expect(seen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert seen.faults == []


def test_calls_are_found_by_their_links_whatever_their_ids(browser: Browser, site: Site) -> None:
    showcase(site.engine)
    seen = Watched.open(browser, site)
    for call_id in ODD_IDS:
        seen.goto(links.call("hostile", call_id))
        shown = seen.page.locator("h1").text_content() or ""
        assert shown.strip() == call_id
    assert seen.faults == []


def test_a_quote_opens_the_call_at_its_marked_turn(browser: Browser, site: Site) -> None:
    dental = Sample.make(site.engine)
    theme = Theme("Wrong day booked", 3, quote='"Thursday"', turn=2)
    dental.audit(dental.metric("CSAT"), [theme])
    seen = Watched.open(browser, site)
    seen.page.get_by_role("link", name="Thursday").first.click()
    turn = seen.page.locator("#turn-2")
    expect(turn).to_be_in_viewport()
    expect(turn.locator("mark")).to_have_text('"Thursday"')
    expect(turn.locator("mark")).to_be_visible()  # the tool call that holds it is unfolded
    assert seen.faults == []


def test_the_view_and_the_folded_calls_open_without_leaving_the_page(
    browser: Browser, site: Site
) -> None:
    dental = Sample.make(site.engine)
    dental.audit(
        dental.metric("CSAT"), [Theme("Wrong day", 40)], agents=["front-desk", "after-hours"]
    )
    dental.view("Nights", ["after-hours"])
    seen = Watched.open(browser, site)
    calls = seen.page.locator("a.call:not(.rest)")
    expect(calls).to_have_count(8)
    seen.page.get_by_role("link", name="32 more calls").click()
    expect(calls).to_have_count(40)
    seen.page.get_by_label("View").select_option("Nights")
    expect(seen.page.get_by_text("20 failing calls").first).to_be_visible()
    assert "view=nights" in seen.page.url
    seen.page.reload()
    expect(seen.page.get_by_label("View")).to_have_value("nights")
    assert seen.faults == []


def many_cards(site: Site) -> Sample:
    """Fill a store with more cards than a page holds in full, each with a theme of its own."""
    dental = Sample.make(site.engine)
    for number in range(WHOLE_CARDS + 6):
        metric = dental.metric(f"Metric {number:02}")
        dental.audit(metric, [Theme(f"Cause {number:02}", 40 - number)], prefix=f"m{number}-")
    return dental


def test_a_card_far_down_is_loaded_whole_before_it_is_read(browser: Browser, site: Site) -> None:
    many_cards(site)
    seen = Watched.open(browser, site, viewport={"width": 1280, "height": 700})
    page = seen.page
    last = page.locator(f"#metric-{WHOLE_CARDS + 5}")
    expect(last).to_contain_text(f"Cause {WHOLE_CARDS + 5:02}")
    expect(last.locator("blockquote")).to_have_count(0)
    expect(page.locator(".card.short")).to_have_count(6)
    announced = page.locator("#_announcer").text_content()
    last.scroll_into_view_if_needed()
    expect(last.locator("blockquote").first).to_be_visible()
    expect(last.get_by_role("button", name="Regenerate")).to_be_visible()
    assert page.locator("#_announcer").text_content() == announced
    assert seen.faults == []


def test_a_link_to_a_theme_far_down_leads_to_it(browser: Browser, site: Site) -> None:
    many_cards(site)
    seen = Watched.open(browser, site, viewport={"width": 1280, "height": 700})
    group = seen.page.locator(".card.short").last.locator("li").first.get_attribute("id")
    seen.goto(f"/#{group}")
    theme = seen.page.locator(f"#{group}")
    expect(theme).to_have_class("theme")
    expect(theme).to_be_in_viewport()
    assert seen.faults == []


def test_the_keyboard_keeps_its_place_where_a_card_is_loaded(browser: Browser, site: Site) -> None:
    many_cards(site)
    seen = Watched.open(browser, site, viewport={"width": 1280, "height": 700})
    name = f"#open_metric-{WHOLE_CARDS + 5}"
    seen.page.locator(name).focus()
    expect(seen.page.locator(f"#metric-{WHOLE_CARDS + 5} blockquote").first).to_be_attached()
    expect(seen.page.locator(name)).to_be_focused()
    assert seen.faults == []


def test_everything_works_without_scripts(browser: Browser, site: Site) -> None:
    dental = Sample.make(site.engine)
    dental.audit(dental.metric("CSAT"), [Theme("Wrong day", 40)])
    dental.metric("Relevancy")
    dental.view("Desk", ["front-desk"])
    seen = Watched.open(browser, site, java_script_enabled=False)
    seen.page.get_by_role("link", name="32 more calls").click()
    expect(seen.page.locator("a.call")).to_have_count(40)
    seen.goto("/")
    seen.page.get_by_label("View").select_option("Desk")
    seen.page.get_by_role("button", name="Show").last.click()
    assert "view=desk" in seen.page.url
    seen.goto("/")
    seen.page.get_by_role("button", name="Generate Relevancy").click()
    expect(seen.page.get_by_text("Dagster takes it in a moment")).to_be_visible()
    assert seen.faults == []


def test_without_scripts_all_cards_are_a_link_away(browser: Browser, site: Site) -> None:
    many_cards(site)
    seen = Watched.open(browser, site, java_script_enabled=False)
    expect(seen.page.locator(".card.short")).to_have_count(6)
    seen.page.get_by_role("link", name="Show all cards in full").click()
    expect(seen.page.locator(".card.short")).to_have_count(0)
    expect(seen.page.locator(".card").last.locator("blockquote").first).to_be_visible()
    assert seen.faults == []


def test_the_page_is_used_with_the_keyboard_alone(browser: Browser, site: Site) -> None:
    dental = Sample.make(site.engine)
    dental.metric("CSAT")
    seen = Watched.open(browser, site)
    keys = seen.page.keyboard
    keys.press("Tab")
    expect(seen.page.get_by_text("Skip to content")).to_be_focused()
    keys.press("Enter")
    options = seen.page.locator(".options > summary")
    for _ in range(10):
        keys.press("Tab")
        if options.evaluate("place => place === document.activeElement"):
            break
    keys.press("Enter")
    keys.press("Tab")
    keys.type("5")
    expect(seen.page.get_by_label("Window, days")).to_have_value("5")
    keys.press("Escape")
    expect(options).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Enter")
    expect(seen.page.get_by_text("Dagster takes it in a moment")).to_be_visible()
    expect(seen.page.locator("#generate_csat")).to_be_focused()
    assert seen.faults == []


def test_an_audit_that_ends_while_the_page_is_open_changes_its_sums_too(
    browser: Browser, site: Site
) -> None:
    dental = Sample.make(site.engine)
    metric = dental.metric("CSAT")
    opened = dental.state(metric, "running")
    seen = Watched.open(browser, site)
    expect(seen.page.locator(".working")).to_be_visible()
    dental.audit(metric, [Theme("Wrong day", 7)])
    dental.run("DELETE FROM insights WHERE id = :id", id=opened)
    expect(seen.page.locator(".theme")).to_have_count(1)
    expect(seen.page.locator(".sum")).to_contain_text("7 failing calls in 1 metric, 1 new theme")
    expect(seen.page.locator("#_announcer")).to_have_text("CSAT: 1 theme.")
    assert seen.faults == []


def test_a_bad_number_is_told_beside_the_form(browser: Browser, site: Site) -> None:
    dental = Sample.make(site.engine)
    dental.metric("CSAT")
    seen = Watched.open(browser, site)
    seen.page.get_by_text("Options").click()
    seen.page.get_by_label("Window, days").evaluate("field => field.removeAttribute('max')")
    seen.page.get_by_label("Window, days").fill("400")
    seen.page.get_by_role("button", name="Generate").click()
    expect(seen.page.get_by_text("whole number of days from 1 to 90")).to_be_visible()


def test_a_pass_rule_is_given_with_the_keyboard_on_a_card_that_all_can_read(
    browser: Browser, site: Site
) -> None:
    dental = Sample.make(site.engine)
    metric = dental.metric("CSAT")
    dental.calls(["c-1", "c-2"])
    dental.results(metric, ["c-1", "c-2"])
    dental.run("UPDATE metric_results SET passed = NULL, score = '2'")
    look_at(browser, site, {"pass-rule": links.insights(dental.slug)})
    seen = Watched.open(browser, site)
    card = seen.page.locator("#csat")
    expect(card.get_by_text("2 scores without a verdict")).to_be_visible()
    rule = card.get_by_label("Passes when the score is")
    for _ in range(20):
        seen.page.keyboard.press("Tab")
        if rule.evaluate("place => place === document.activeElement"):
            break
    seen.page.keyboard.type("good")
    seen.page.keyboard.press("Enter")
    expect(card.get_by_text("is not an operator")).to_be_visible()
    seen.check_accessibility()
    rule.fill("")
    rule.press_sequentially(">= 4")
    rule.press("Enter")
    expect(card.get_by_text("without a verdict")).to_have_count(0)
    assert dental.run("SELECT count(*) FROM metric_results WHERE passed IS FALSE") == 2
    # The refusal of the bad rule is an answer of 422, which the console notes.
    assert [fault for fault in seen.faults if "422" not in fault] == []
