"""Pages that tests of a module use one after the other: to load one takes longer than most tests.

Before a test gets a page, everything on it is as it was at first: what was typed, chosen and
opened, the theme, the screen, and what the browser keeps. A page that a test failed on is not used
again.
"""

from playwright.sync_api import expect

from tests.desk.pages import WIDE, listen

REMEMBER = """() => {
  const kept = (props) => Object.fromEntries(["value", "checked", "opened"]
    .filter((name) => name in props).map((name) => [name, props[name]]));
  window.chosenNow = () => {
    const { layout, paths } = window.dash_stores[0].getState();
    const at = (path) => path.reduce((node, key) => node?.[key], layout);
    return Object.entries(paths.strs).map(([id, path]) => [id, kept(at(path)?.props ?? {})]);
  };
  window.chosenAtFirst = Object.fromEntries(window.chosenNow());
}"""

AS_AT_FIRST = """(screen) => {
  document.activeElement.blur();
  for (const [id, now] of window.chosenNow()) {
    const first = { value: "", checked: false, opened: false, ...window.chosenAtFirst[id] };
    const changed = Object.keys(now).filter((name) => now[name] !== first[name]);
    const values = Object.fromEntries(changed.map((name) => [name, first[name]]));
    if (changed.length) window.dash_clientside.set_props(id, values);
  }
  if (desk.paused) desk.pause();
  desk.drill.close();
  if (Number(document.getElementById("accounts-percent").value) !== 0) desk.accounts.still();
  if (document.documentElement.dataset.theme !== "dark") desk.actions.act("theme");
  if (document.documentElement.dataset.palette !== "safe") desk.actions.act("palette");
  localStorage.clear();
  desk.actions.act(`screen:${screen}`);
  window.scrollTo(0, 0);
}"""


class Heard:
    """What a kept page complains about, for the test that uses it now."""

    def __init__(self):
        self.by = []

    def append(self, said):
        self.by.append(said)


class KeptPages:
    """One page for each address of a desk."""

    def __init__(self, profile):
        self._profile = profile
        self._pages = {}

    def at(self, desk, path, complaints):
        """Return the page as it was at first; what it complains about goes into a list."""
        address = desk.url + path
        if address not in self._pages:
            self._pages[address] = self._opened(desk, address)
        page, heard = self._pages[address]
        heard.by = complaints
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.evaluate(AS_AT_FIRST, path or "desk")
        expect(page.locator("#shell-chip")).to_have_attribute("data-state", "live")
        return page

    def rest(self):
        """Let them draw and ask nothing while a test looks at a page of its own."""
        for page, _ in self._pages.values():
            page.evaluate("desk.paused || desk.pause()")

    def close(self):
        """Close them: the next test gets new ones."""
        for page, _ in self._pages.values():
            page.close()
        self._pages.clear()

    def _opened(self, desk, address):
        page, heard = self._profile.new_page(), Heard()
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.goto(f"{desk.url}healthz")
        page.evaluate("localStorage.clear()")
        listen(page, heard)
        page.goto(address)
        expect(page.locator("#accounts-percent")).to_be_attached()  # its scripts have started
        page.evaluate(REMEMBER)
        return page, heard
