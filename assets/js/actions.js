/* What keys and buttons do. One table of actions by name; the keys come from the page, which has
   them from `panels/help.py`, so the overlay can never disagree with what works. */
"use strict";
{
  const desk = (window.desk ??= {});
  const props = (id, values) => window.dash_clientside.set_props(id, values);

  const nextOf = (choices, chosen) => choices[(choices.indexOf(chosen) + 1) % choices.length];

  const toggleRoot = (name, choices) => {
    const root = document.documentElement;
    root.dataset[name] = nextOf(choices, root.dataset[name]);
    desk.preferences.set(name, root.dataset[name]);
    desk.appearance.apply();
  };

  /* every screen has an address, so that it can be kept, sent and gone back to */
  const pathOf = (name) => (name === "desk" ? "/" : `/${name}`);
  const addressed = () => {
    const name = window.location.pathname.slice(1);
    return document.querySelector(`[data-screen="${CSS.escape(name)}"]`) ? name : "desk";
  };

  const goTo = (name) => {
    if (window.location.pathname !== pathOf(name)) window.history.pushState(null, "", pathOf(name));
    showScreen(name);
  };

  const showScreen = (name) => {
    for (const screen of document.querySelectorAll(".screen")) {
      screen.hidden = screen.dataset.screen !== name;
    }
    for (const button of document.querySelectorAll(".rail-button")) {
      const current = button.dataset.action === `screen:${name}`;
      button.toggleAttribute("aria-current", current);
    }
    desk.choices.screen = name;
    document.body.dataset.shows = name;
    desk.redraw();
    if (name === "revenue") desk.revenue.show();
    if (name === "risk") desk.risk.show();
    if (name === "margin") desk.accounts.show();
    if (name === "clients") desk.clients.show();
    if (name === "hedging") desk.hedging.show();
    if (name === "office") desk.office.show();
    if (name === "alerts") desk.alerts.show();
  };
  const onDesk = () => ["desk", "system"].includes(desk.choices.screen);

  const actions = {
    search: () => {
      const field = { margin: "accounts-search", risk: "risk-shock-target",
        clients: "clients-search", hedging: "hedging-symbol", alerts: "alerts-search" }[desk.choices.screen];
      if (desk.choices.screen === "office") desk.office.toSearch();
      else document.getElementById(field ?? "exposure-search").focus();
    },
    view: (name) => props("exposure-view", { value: name }),
    sort: (field) => desk.exposure.sortBy(field),
    side: () => props("shell-side", { value: nextOf(["house", "client"], desk.choices.side) }),
    book: () => (desk.choices.screen === "clients" ? desk.clients.nextBook()
      : props("shell-book", { value: nextOf(["all", "a", "b", "c"], desk.choices.book) })),
    watch: (name) => props("watch-shown", { value: name || nextOf(["margin", "limits"], desk.choices.watch) }),
    columns: () => {
      if (!onDesk()) return;
      desk.exposure.listColumns();
      props("exposure-columns", { opened: true });
    },
    export: (form) => {
      const { screen } = desk.choices;
      if (screen === "revenue") desk.revenue.exportAs(form ?? "csv");
      else if (screen === "risk") desk.risk.exportCsv(form ?? "scenarios");
      else if (screen === "margin") desk.accounts.exportCsv();
      else if (screen === "clients") desk.clients.exportCsv();
      else if (screen === "office") desk.office.exportCsv();
      else if (screen === "alerts") desk.alerts.exportCsv();
      else desk.exposure.exportCsv();
    },
    hedge: (what) => desk.hedging.act(what),
    ask: (kind) => desk.risk.ask(kind),
    again: (what) => (what === "still" ? desk.accounts.still() : desk.risk.ask(what)),
    choose: () => desk.clients.tickFocused(),
    move: (step) => desk.moveForm[step](),
    moves: () => desk.moves.askNow(),
    decide: (step) => desk.moves[step](),
    office: (step) => desk.office[step](),
    alert: (step) => desk.alerts.act(step),
    limits: () => {
      goTo("desk");
      props("watch-shown", { value: "limits" });
    },
    close: () => desk.drill.back(),
    exposure: () => desk.drill.close(),
    pause: () => desk.pause(),
    theme: () => toggleRoot("theme", ["dark", "light"]),
    palette: () => toggleRoot("palette", ["safe", "classic"]),
    screen: (name) => goTo(name || nextOf(["desk", "system"], desk.choices.screen)),
    help: () => props("shell-help", { opened: true }),
  };

  const act = (text) => {
    const [name, argument] = text.split(":");
    actions[name](argument);
  };

  const NAMES = { Escape: "Esc", " ": "Space", ArrowDown: "↓", ArrowUp: "↑" };
  const typing = (target) => target.closest("input:not([type=radio], [type=range]), textarea, select");
  const pressing = (target) => target.closest("button, input, [role=tab], a");
  /* leaving the search takes its filter away; Enter leaves it and keeps the filter */
  const leave = (field) => {
    field.blur();
    if (["exposure-search", "accounts-search", "clients-search", "office-search", "alerts-search"].includes(field.id)) props(field.id, { value: "" });
  };
  const overlay = () => [...document.querySelectorAll(".mantine-Modal-content")]
    .some((content) => content.checkVisibility());

  const listen = () => {
    window.addEventListener("popstate", () => showScreen(addressed()));
    const keys = new Map(JSON.parse(document.getElementById("shell-choices").dataset.keys));
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape" && typing(event.target)) leave(event.target);
      if (event.key === "Enter" && typing(event.target)) event.target.blur();
      if (typing(event.target) || overlay()) return;
      if (event.key === " " && pressing(event.target)) return;
      if (event.key.startsWith("Arrow") && event.target.closest("[role=tab], [type=radio]")) return;
      const name = NAMES[event.key] ?? event.key.toUpperCase();
      const action = keys.get(`${desk.choices.screen}:${name}`) ?? keys.get(name);
      if (!action) return;
      event.preventDefault();
      act(action);
    }, true);
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) act(button.dataset.action);
    });
  };

  desk.actions = { act, listen, showAddressed: () => showScreen(addressed()) };
}
