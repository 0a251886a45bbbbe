"""The alerts screen in a real Chromium: cases are found, worked on, put back and handed over."""

import pytest
from playwright.sync_api import expect

from dealing.alerts.model import EntryKind
from tests.dealing.alerts.small_alerts import a_case
from tests.desk.alert_day import EVIL, ServedAlerts, wall_us
from tests.desk.flow_market import PICKER
from tests.desk.pages import PHONE, REFUSED, WIDE, is_readable, listen, until

pytestmark = pytest.mark.browser

AS_AT_FIRST = """() => {
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  if (desk.alertActs.isDoing()) desk.alertActs.leave();
  desk.actions.act("screen:alerts");
  props("alerts-tabs", { value: "cases" });
  props("alerts-state", { value: "open" });
}"""


@pytest.fixture(scope="module")
def desk():
    served = ServedAlerts()
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def shared(desk, profile):
    """One page for all tests: it begins with the link of a message."""
    complaints = []
    page = profile.new_page()
    page.goto(f"{desk.url}healthz")
    page.evaluate("localStorage.clear()")
    listen(page, complaints)
    page.goto(f"{desk.url}alerts?case=12")
    expect(page.locator("#case-title")).to_have_text("Case A-12")
    yield page
    page.close()
    assert [said for said in complaints if not REFUSED.search(said)] == []


@pytest.fixture
def page(shared):
    shared.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    shared.evaluate(AS_AT_FIRST)
    expect(row(shared, 14)).to_be_visible()
    return shared


def row(page, number):
    return page.locator(f"#alerts-list tr[data-number='{number}']")


def tile(page, key):
    return page.locator(f".tile[data-alerts='{key}'] .tile-value")


def say(page, note="", name=None):
    """Write a note into the open line, and a name if there is none yet; Enter sends."""
    if name is not None:
        page.locator("#alerts-do-actor").fill(name)
    page.locator("#alerts-do-note").fill(note)
    page.keyboard.press("Enter")
    expect(page.locator("#alerts-do")).to_be_hidden()


def kinds(desk, number):
    return [entry.kind for entry in desk.alerts.store.entries(number)]


def test_a_case_is_seen_from_the_desk_worked_on_with_keys_and_put_back(desk, page):
    page.evaluate("desk.actions.act('screen:desk')")
    now = page.locator("#alerts-now-list li")
    expect(now).to_have_count(3)
    expect(now.first).to_contain_text(EVIL)  # what a client wrote is text
    expect(page.locator("#shell-alerts")).to_have_attribute("aria-label", "Alerts: 2 critical, "
        "3 warning; 4 to acknowledge; channels that do not work: mail")  # fmt: skip
    now.nth(1).get_by_role("button", name="A-12").click()
    expect(page.locator("#case-title")).to_have_text("Case A-12")
    expect(page.locator("#alerts-list tr").first).to_have_attribute("data-number", "14")
    assert page.locator("[data-screen='alerts'] img").count() == 0
    page.keyboard.press("k")
    expect(row(page, 14)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(row(page, 12)).to_be_focused()
    expect(page.locator("#alerts-case")).to_contain_text("32.1 M USD of 25 M")
    page.keyboard.press("a")
    say(page, "called LP1", "Anna")
    expect(page.locator("#alerts-done-text")).to_have_text("A-12 acknowledged by Anna.")
    expect(row(page, 12)).to_contain_text("acknowledged")
    expect(row(page, 12)).to_contain_text("Anna")
    expect(page.locator(".timeline")).to_contain_text("called LP1")
    expect(tile(page, "unacknowledged")).to_have_text("3")
    page.keyboard.press("u")
    expect(page.locator("#alerts-done-text")).to_contain_text("Undone")
    expect(row(page, 12)).to_contain_text("nobody")
    expect(tile(page, "unacknowledged")).to_have_text("4")
    page.keyboard.press("r")
    page.locator("#alerts-do-outcome").select_option("useful")
    page.locator("#alerts-do-usd").fill("12.5k")
    say(page, "hedged at LP2")
    expect(row(page, 12)).to_have_count(0)
    case = desk.alerts.store.case(12)
    assert (case.state, case.outcome, case.outcome_usd) == ("resolved", "useful", 12_500.0)
    page.locator("#alerts-state").get_by_text("Resolved", exact=True).click()
    expect(row(page, 12)).to_contain_text("useful +12.50k USD")
    row(page, 12).get_by_role("button", name="Reopen A-12").click()
    say(page)
    assert kinds(desk, 12)[-1] == EntryKind.OPENED


def test_what_is_suggested_opens_the_form_that_does_it_and_a_new_critical_one_is_said(desk, page):
    row(page, 13).get_by_role("button", name=f"Move {PICKER} to A").click()
    expect(page.locator("#move-whom")).to_have_text(PICKER)
    expect(page.locator("#move-reason")).to_have_value("A-13 Toxic client")
    expect(page.locator("#move-to input:checked")).to_have_value("A")
    desk.alerts.acts.add(a_case(41, opened_us=wall_us(), last_us=wall_us(), subject="US500"))
    expect(page.locator("#shell-said")).to_have_text(
        "Critical alert A-41: US500 house net is 32.1 M USD of 25 M."
    )
    page.keyboard.press("a")
    row(page, 41).get_by_role("button", name="Hedge US500").click()
    expect(page.locator("#hedging-symbol")).to_have_value("US500")
    expect(page.locator("#hedging-reason")).to_have_value("A-41 Hard limit")


def test_cases_are_filtered_and_a_rule_is_muted_and_speaks_again(desk, page):
    page.keyboard.press("/")
    page.keyboard.type("withdrawal")
    expect(page.locator("#alerts-list tr")).to_have_count(1)
    page.keyboard.press("Enter")
    page.locator("#alerts-severity").select_option("critical")
    expect(page.locator("[data-empty='cases']")).to_have_text("No case fits these filters.")
    page.locator("#alerts-severity").select_option("")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(row(page, 13)).to_be_visible()
    row(page, 13).click()
    page.locator("#alerts-case").get_by_role("button", name="Mute…").click()
    expect(page.locator("#alerts-mute-reason")).to_be_focused()
    page.keyboard.type("moved to A already")
    page.locator("#alerts-mute-actor").fill("Anna")
    page.get_by_role("button", name="Mute", exact=True).click()
    expect(page.locator("#alerts-mutes tr")).to_have_count(2)
    expect(page.locator("#alerts-mutes")).to_contain_text("Toxic client")
    page.locator("#alerts-done").get_by_role("button", name="Undo").click()
    expect(page.locator("#alerts-mutes tr")).to_have_count(1)
    page.get_by_role("tab", name="Rules and grades").click()
    expect(page.locator("#alerts-grades")).to_contain_text("Hard limit")
    page.get_by_role("tab", name="Hand-over").click()
    expect(page.locator("#alerts-shift-body")).to_contain_text("client C9 to book A")
    page.locator("#alerts-shift-words").fill("watch gold")
    page.get_by_role("button", name="Post to channels").click()
    expect(page.locator("#alerts-shift-said")).to_contain_text("Posted to slack, mail")
    assert '"watch gold"' in desk.alerts.acts.noted[-1][1]


def test_without_its_process_the_list_stays_greyed_with_its_age(desk, page):
    expect(row(page, 14)).to_be_visible()
    desk.go_away()
    screen = page.locator("[data-screen='alerts']")
    expect(screen).to_have_attribute("data-stale", "")
    expect(page.locator("#alerts-note")).to_contain_text("alerts process is away")
    expect(page.locator("#alerts-note")).to_contain_text("old")
    expect(page.locator("#shell-alerts .alert-more")).to_have_text("old")
    expect(row(page, 14)).to_be_visible()
    row(page, 14).get_by_text("312 accounts").click()
    page.keyboard.press("a")
    page.locator("#alerts-do-actor").fill("Anna")
    page.keyboard.press("Enter")
    expect(page.locator("#alerts-do-said")).to_contain_text("Send it again")
    desk.come()
    expect(screen).not_to_have_attribute("data-stale", "")
    page.keyboard.press("Enter")
    page.locator("[data-action='alert:send']").click()
    expect(page.locator("#alerts-do")).to_be_hidden()
    until(page, lambda: kinds(desk, 14).count(EntryKind.ACKNOWLEDGED) == 1)


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_it_is_readable_for_everybody_at_every_size(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    row(page, 14).get_by_text("312 accounts").click()
    expect(page.locator("#alerts-case .timeline")).to_be_visible()
    page.get_by_role("button", name="Resolve A-13").first.click()
    is_readable(page, "alerts")
