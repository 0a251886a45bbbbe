/* The alerts screen: the list of cases and its filters, the case at the side, the other tabs. Cases
   are asked for again whenever the watch hears that one has changed, and every ten seconds. */
"use strict";
{
  const desk = (window.desk ??= {});
  const AGAIN_MS = 10_000;
  const SETTLE_MS = 180; // while somebody types
  const STATES = { open: ["open", "acknowledged", "snoozed"], new: ["open"], snoozed: ["snoozed"], resolved: ["resolved"], all: [] };
  const NOTHING = { open: "Nothing is open. It is quiet.", new: "Every case was acknowledged.", snoozed: "Nothing is snoozed.",
    resolved: "No case has ended yet.", all: "There has been no case yet." };
  const MINUTE_MS = 60_000;
  let tab = "cases";
  let state = "open";
  let cases = [];
  let current = null; // the number of the chosen case
  let asking = false;
  let askedAt = -Infinity;
  let answeredAt = null;
  let stamp = null;
  let failure = "";
  let settling = null;
  let filteredBy = ""; // what the list was asked with

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const screen = () => document.querySelector("[data-screen='alerts']");
  const isShown = () => desk.choices.screen === "alerts" && !document.hidden;
  const tableOf = (name) => element({ cases: "alerts-list" }[name] ?? `alerts-${name}`).closest("table");

  /* tables and what stands in the place of no rows */
  const nothing = (name, text) => desk.setText(document.querySelector(`.panel-alerts [data-empty='${name}']`), text);
  const fill = (name, listed, rows, empty) => {
    const table = tableOf(name);
    table.hidden = rows.length === 0;
    nothing(name, rows.length ? "" : empty);
    const body = table.tBodies[0];
    const held = JSON.stringify(listed);
    if (body.dataset.held === held) return; // a focused button stays
    body.dataset.held = held;
    body.replaceChildren(...rows);
  };
  const fail = (name, problem) => {
    if (tableOf(name).hidden) nothing(name, problem);
  };

  /* the list of cases */
  const filters = () => {
    const asked = new URLSearchParams(STATES[state].map((one) => ["states", one]));
    for (const name of ["severity", "rule"]) if (element(`alerts-${name}`).value) asked.set(name, element(`alerts-${name}`).value);
    const search = element("alerts-search").value.trim();
    if (search) asked.set("search", search);
    const minutes = Number(element("alerts-since").value);
    if (minutes) asked.set("since_ms", Math.round(desk.alertWatch.now() - minutes * MINUTE_MS));
    return asked;
  };
  const isFiltered = () => [...filters().keys()].some((name) => name !== "states");

  /* a row stays the element that it is while nothing about it changes */
  const drawList = () => {
    const body = element("alerts-list");
    const held = new Map([...body.children].map((row) => [row.dataset.held, row]));
    const focused = document.activeElement?.closest("#alerts-list tr")?.dataset.number;
    const act = document.activeElement?.dataset.act;
    const rows = cases.map((one) => {
      const text = JSON.stringify(one);
      const row = held.get(text) ?? desk.alertRows.caseRow(one);
      row.dataset.held = text;
      return row;
    });
    const same = rows.length === body.children.length && rows.every((row, k) => row === body.children[k]);
    if (!same) body.replaceChildren(...rows);
    tableOf("cases").hidden = rows.length === 0;
    nothing("cases", rows.length ? "" : isFiltered() ? "No case fits these filters." : NOTHING[state]);
    mark();
    desk.alertWords.drawAges(body);
    if (focused && !body.contains(document.activeElement)) refocus(focused, act);
  };
  const refocus = (number, act) => {
    const row = rowOf(number);
    (row?.querySelector(`[data-act='${act}']`) ?? row ?? rowOf(current))?.focus();
  };

  const rowOf = (number) => element("alerts-list").querySelector(`tr[data-number='${number}']`);
  const mark = () => {
    for (const row of element("alerts-list").children) {
      const chosen = row.dataset.number === String(current);
      row.toggleAttribute("data-current", chosen);
      if (chosen) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      row.tabIndex = chosen ? 0 : -1;
    }
    const first = element("alerts-list").firstElementChild;
    if (first && !rowOf(current)) first.tabIndex = 0;
  };

  const choose = (number, { focus = false } = {}) => {
    current = number;
    mark();
    if (focus) {
      rowOf(number)?.focus();
      rowOf(number)?.scrollIntoView({ block: "nearest" });
    }
    desk.alertCase.open(number);
  };

  const step = (by) => {
    if (tab !== "cases" || cases.length === 0) return;
    const here = cases.findIndex((one) => one.number === current);
    const next = here < 0 ? 0 : Math.max(0, Math.min(cases.length - 1, here + by));
    choose(cases[next].number, { focus: true });
  };

  const askCases = async () => {
    asking = true;
    askedAt = performance.now();
    const asked = filters().toString();
    const answer = await desk.orders.get(`/api/v1/alerts?${asked}`);
    asking = false;
    failure = answer.ok ? "" : answer.problems.join(" ");
    if (answer.ok) {
      answeredAt = performance.now();
      ({ stamp } = answer.body);
      take(desk.alertRows.sorted(answer.body.cases), asked.replace(/since_ms=\d+/, ""));
      drawTiles(answer.body);
    } else if (tableOf("cases").hidden) {
      nothing("cases", failure);
    }
    drawAge();
    if (asked !== filters().toString() && !filters().has("since_ms")) askCases(); // a filter was turned meanwhile
  };

  /* whoever worked on a row that went away goes on with the one in its place */
  const take = (listed, by) => {
    const place = by === filteredBy ? cases.findIndex((one) => one.number === current) : -1;
    cases = listed;
    filteredBy = by;
    const gone = current !== null && !cases.some((one) => one.number === current);
    if (gone && place >= 0 && cases.length && !desk.alertActs.isDoing()) {
      choose(cases[Math.min(place, cases.length - 1)].number);
    }
    drawList();
  };

  const askSoon = () => {
    clearTimeout(settling);
    settling = setTimeout(() => isShown() && askCases(), SETTLE_MS);
  };

  /* tiles, and what alerting itself cannot do */
  const drawTile = (key, text, below, warns) => {
    const place = document.querySelector(`.tile[data-alerts='${key}']`);
    const figure = place.querySelector(".tile-value");
    desk.setText(figure, text);
    figure.className = `tile-value ${warns && place.dataset.tone ? `is-${place.dataset.tone}` : ""}`;
    desk.setText(place.querySelector(".tile-parts"), below);
  };

  const drawTiles = ({ counts, oldest_unacknowledged_ms: oldest, muted, channels, problems }) => {
    const { number } = desk.formats;
    drawTile("critical", number(counts.critical), counts.unacknowledged_critical
      ? `▲ ${number(counts.unacknowledged_critical)} to acknowledge` : "all acknowledged", counts.critical > 0);
    drawTile("warning", number(counts.warning), "", counts.warning > 0);
    drawTile("info", number(counts.info), "", false);
    drawTile("unacknowledged", number(counts.unacknowledged), `of ${number(counts.open)} open`, counts.unacknowledged > 0);
    drawTile("oldest", oldest === null ? "–" : desk.alertWords.span(desk.alertWatch.now() - oldest), oldest === null ? "nothing waits" : "unacknowledged", false);
    drawTile("snoozed", number(counts.snoozed), counts.inhibited ? `${number(counts.inhibited)} explained by others` : "", false);
    drawTile("muted", number(muted), muted ? "no messages" : "every rule speaks", false);
    const lame = channels.filter((channel) => !channel.works);
    const slowest = Math.max(0, ...channels.map((channel) => channel.told_p99_ms ?? 0));
    const waiting = channels.reduce((sum, channel) => sum + channel.waiting, 0);
    drawTile("channels", channels.length ? `${number(channels.length - lame.length)} of ${number(channels.length)}` : "none",
      lame.length ? `▲ ${lame.map(({ name }) => name).join(", ")}` : waiting ? `${number(waiting)} to be told` : channels.length ? `all is told${slowest ? `, within ${desk.formats.age(slowest)}` : ""}` : "only this screen", lame.length > 0);
    desk.setText(element("alerts-count"), counts.unacknowledged ? number(counts.unacknowledged) : "");
    drawProblems([...problems, ...lame.map(({ name, problem, waiting: left }) =>
      `Channel ${name}: ${problem || "it does not answer"}${left ? `; ${number(left)} wait` : ""}.`)]);
  };

  const drawProblems = (said) => {
    const list = element("alerts-problems");
    const held = said.join("\n");
    if (list.dataset.held === held) return;
    list.dataset.held = held;
    list.replaceChildren(...said.map((text) => desk.made("li", `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`)));
  };

  const drawAge = () => {
    const { alertWatch } = desk;
    const away = failure || alertWatch.failure;
    const age = answeredAt === null ? null : performance.now() - answeredAt;
    const stale = Boolean(away) || alertWatch.isOld();
    screen().toggleAttribute("data-stale", stale && age !== null);
    const parts = [away ? `▲ ${away}` : "", age === null ? "" : `${stale ? "the list is " : ""}${desk.formats.age(Math.max(1000, age))} old`];
    element("alerts-note").dataset.state = stale ? "failed" : "shown";
    desk.setText(element("alerts-note"), parts.filter(Boolean).join(" · "));
  };

  /* other tabs */
  const askTab = () => {
    if (tab === "grades") desk.alertGrades.ask();
    if (tab === "mutes") desk.alertMutes.askMutes();
    if (tab === "shift") desk.alertShift.ask();
  };

  const refresh = () => {
    if (!isShown()) return;
    drawAge();
    desk.alertWords.drawAges(screen());
    if (!desk.alertWatch.isOn() || desk.paused || document.body.dataset.freshness === "disconnected" || asking) return;
    const { summary } = desk.alertWatch;
    const since = performance.now() - askedAt;
    if (since >= AGAIN_MS || (summary && summary.stamp !== stamp && !desk.alertWatch.failure && since >= 1_000)) askNow();
  };

  const askNow = async () => {
    askTab();
    await Promise.all([askCases(), desk.alertCase.ask()]);
  };

  const show = () => {
    if (!desk.alertWatch.isOn()) {
      nothing("cases", "No process of alerts runs beside this desk.");
      return;
    }
    desk.alertMutes.askRules();
    refresh();
    if (desk.alertWatch.summary) drawTiles(desk.alertWatch.summary);
  };

  /* something was done: what is shown is not what is any more */
  const changed = () => {
    askNow();
    desk.alertWatch.askNow();
  };

  const open = (number) => {
    desk.actions.act("screen:alerts");
    toTab("cases");
    choose(number);
    if (window.matchMedia("(max-width: 800px)").matches) {
      document.querySelector(".panel-case").scrollIntoView({ block: "start" });
    }
  };

  /* a link of a message names its case: /alerts?case=17 */
  const openAddressed = () => {
    const number = Number(new URLSearchParams(window.location.search).get("case"));
    if (desk.choices.screen === "alerts" && Number.isInteger(number) && number > 0) choose(number);
  };

  const toTab = (name) => props("alerts-tabs", { value: name });
  const focus = () => (rowOf(current) ?? element("alerts-list").firstElementChild)?.focus();
  const act = (kind) => () => {
    const one = desk.alertCase.one() ?? cases.find((listed) => listed.number === current);
    if (tab === "cases" && one && (desk.alertActs.possible(one).includes(kind) || ["own", "note"].includes(kind))) {
      desk.alertActs.begin(kind, one, kind === "own" ? { owner: desk.preferences.get("actor", "") } : {});
    }
  };

  const does = {
    next: () => step(1), previous: () => step(-1), acknowledge: act("acknowledge"), snooze: act("snooze"),
    resolve: act("resolve"), take: act("own"), note: act("note"), undo: () => desk.alertActs.undo(),
    send: () => desk.alertActs.send(), leave: () => desk.alertActs.leave(), askNow: () => changed(),
    mute: () => desk.alertMutes.set(), post: () => desk.alertShift.post(), copy: () => desk.alertShift.copy(),
  };

  const exportCsv = () => {
    const asked = filters();
    asked.set("form", "csv");
    Object.assign(desk.made("a"), { href: `/api/v1/alerts?${asked}`, download: "alerts.csv" }).click();
  };

  const start = () => {
    desk.alertCase.start();
    desk.alertActs.start();
    desk.alertShift.start();
    desk.alertGrades.start();
    desk.alertWatch.start();
    element("alerts-list").addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && !event.target.closest("button")) choose(Number(row.dataset.number));
    });
    element("alerts-list").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("tr")) choose(Number(event.target.dataset.number));
    });
    for (const id of ["alerts-severity", "alerts-rule", "alerts-since"]) element(id).addEventListener("change", askSoon);
    element("alerts-search").addEventListener("input", askSoon);
    desk.alertWatch.hear(() => {
      if (isShown() && desk.alertWatch.summary) drawTiles(desk.alertWatch.summary);
    });
    setInterval(refresh, 500);
    show();
    openAddressed();
  };

  const choosing = (given, keep) => {
    if (given) keep(given);
    return window.dash_clientside.no_update;
  };
  window.dash_clientside ??= {};
  window.dash_clientside.alerts = {
    tab: (given) => choosing(given, () => {
      if (given === tab) return;
      tab = given;
      document.querySelector(".alerts").dataset.tab = given;
      if (isShown() && desk.alertWatch.isOn()) askTab();
    }),
    state: (given) => choosing(given, () => {
      if (given === state) return;
      state = given;
      askSoon();
    }),
  };
  desk.alerts = { start, show, open, choose, changed, fill, fail, nothing, toTab, focus, exportCsv, act: (what) => does[what]() };
}
