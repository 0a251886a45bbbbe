/* The office screen: what waits in the back office, and what a person decides about it. The open tab
   is asked while it is looked at, every four seconds at most; what a person sends has a key, so that
   sending it again after a lost answer can do nothing twice. */
"use strict";
{
  const desk = (window.desk ??= {});
  const EVERY_MS = 4_000;
  const OLD_MS = 15_000;
  const PATHS = { payments: "payments", breaks: "breaks", messages: "messages" };
  const PLACES = { payments: ["waiting", "orders", "holds", "frozen", "deposits"], breaks: ["breaks"], messages: ["dead"] };
  let tab = "payments";
  let role = "dealer";
  let asking = false;
  let askedAt = -Infinity;
  let answeredAt = null;
  let failure = "";
  let absent = false; // this desk has no back office: it is not asked again
  let deciding = null;

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const value = (id) => element(id).value.trim();
  const get = (path) => desk.orders.get(`/api/v1/office/${path}`);
  const post = (path, body) => desk.orders.post(`/api/v1/office/${path}`, body);
  const isShown = () => desk.choices.screen === "office" && !document.hidden;

  const drawTable = (name, rows) => {
    const place = element(`office-${name}`);
    const list = place.closest(".office-list");
    list.querySelector(".tab-empty").textContent = rows.length ? "" : list.dataset.empty;
    const table = place.parentElement;
    table.hidden = table.parentElement.hidden = rows.length === 0;
    const held = JSON.stringify(rows);
    if (place.dataset.held === held) return; // a focused button stays
    place.dataset.held = held;
    place.replaceChildren(...rows.map((row) => desk.officeRows[name](row)));
  };

  const drawTile = (key, text, below, warns) => {
    const place = document.querySelector(`.tile[data-office='${key}']`);
    const figure = place.querySelector(".tile-value");
    figure.textContent = text;
    figure.className = `tile-value ${warns && place.dataset.tone ? `is-${place.dataset.tone}` : ""}`;
    place.querySelector(".tile-parts").textContent = below;
  };

  const drawHealth = (told) => {
    const { number, age } = desk.formats;
    const behind = ({ waiting, lag_ms: lag }) => (waiting ? `oldest ${age(Math.max(1000, lag))}` : "nothing waits");
    drawTile("waiting", number(told.waiting), "for a second person", told.waiting > 0);
    drawTile("paying", number(told.paying), "at providers", false);
    drawTile("orders", number(told.open_orders + told.unclear_orders), told.unclear_orders
      ? `▲ ${number(told.unclear_orders)} unclear` : "none unclear", told.unclear_orders > 0);
    drawTile("frozen", number(told.frozen), "clients", false);
    drawTile("breaks", number(told.breaks), "without an end", told.breaks > 0);
    drawTile("inbox", number(told.inbox.waiting), behind(told.inbox), told.inbox.lag_ms > 30_000);
    drawTile("outbox", number(told.outbox.waiting), behind(told.outbox), told.outbox.lag_ms > 30_000);
    const dead = told.inbox.dead + told.outbox.dead;
    drawTile("dead", number(dead), "for a person", dead > 0);
    element("office-count").textContent = told.waiting ? number(told.waiting) : "";
    drawProof(told);
  };

  const drawProof = (told) => {
    const note = element("office-health");
    const text = told.broken_count
      ? `▲ The ledger does not hold: ${told.broken.join("; ")}${told.broken_count > told.broken.length ? " and more" : ""}.`
      : `The ledger holds: added up anew at ${desk.utc(told.proved_at_ms)} UTC.`;
    note.hidden = false;
    note.dataset.state = told.broken_count ? "failed" : "shown";
    if (note.textContent !== text) note.textContent = text;
  };

  const drawTab = (name, body) => {
    const lists = name === "payments" ? body : name === "breaks" ? { breaks: body.breaks } : { dead: body.dead };
    if (name === "payments") desk.officeRows.engine = body.engine;
    for (const place of PLACES[name]) drawTable(place, lists[place]);
  };

  const fail = (problem) => {
    failure = problem;
    for (const empty of document.querySelectorAll(".office-list .tab-empty")) {
      if (empty.textContent === "Asking the back office.") empty.textContent = problem;
    }
    drawAge();
  };

  const askNow = async () => {
    asking = true;
    askedAt = performance.now();
    const wanted = tab;
    const [health, listed] = await Promise.all([get("health"), PATHS[wanted] ? get(PATHS[wanted]) : null]);
    asking = false;
    absent = Boolean(health.missing);
    const failed = [health, listed].find((answer) => answer && !answer.ok);
    if (failed) {
      fail(absent ? "No back office runs beside this desk." : failed.problems.join(" "));
      return;
    }
    failure = "";
    answeredAt = performance.now();
    drawHealth(health.body);
    if (listed) drawTab(wanted, listed.body);
    drawAge();
    if (wanted !== tab) askNow(); // another tab was opened meanwhile
  };

  const drawAge = () => {
    const age = answeredAt === null ? null : performance.now() - answeredAt;
    const old = age !== null && age > OLD_MS;
    document.querySelector("[data-screen='office']").toggleAttribute("data-stale", old);
    const engine = tab === "payments" && desk.officeRows.engine ? "the engine is away: no risk is shown" : "";
    const parts = [failure, engine].filter(Boolean).map((text) => `▲ ${text}`);
    if (age !== null) parts.push(`asked ${desk.formats.age(Math.max(1000, age))} ago`);
    const note = element("office-note");
    note.dataset.state = parts.length > 1 || failure ? "failed" : "shown";
    note.textContent = parts.join(" · ");
  };

  const refresh = () => {
    if (!isShown() || asking || absent) return;
    drawAge();
    if (desk.paused || document.body.dataset.freshness === "disconnected") return;
    if (performance.now() - askedAt >= EVERY_MS) askNow();
  };

  /* a decision: { verb, what, detail, path, body, owner, done } */
  const decide = (decision) => {
    deciding = { ...decision, key: desk.orders.newKey() };
    element("office-decide-what").textContent = decision.what;
    element("office-decide-detail").textContent = decision.detail ?? "";
    element("office-decide-owner").closest(".field").hidden = !decision.owner;
    element("office-decide").querySelector("[data-action='office:send'] span").textContent = decision.verb;
    sayDecision("");
    element("office-decide").hidden = false;
    element(decision.owner ? "office-decide-owner" : "office-decide-reason").focus();
  };

  const leave = () => {
    deciding = null;
    element("office-decide").hidden = true;
    for (const id of ["office-decide-reason", "office-decide-owner"]) props(id, { value: "" });
  };

  const sayDecision = (text, state = "") => {
    element("office-decide-note").textContent = text;
    element("office-decide-note").dataset.state = state;
  };

  const send = async () => {
    if (!deciding || element("office-decide").dataset.busy !== undefined) return;
    const { path, body, key, verb, done, owner } = deciding;
    const actor = value("office-decide-actor");
    const said = { ...body, key, actor, reason: value("office-decide-reason") };
    if (owner) said.owner = value("office-decide-owner");
    element("office-decide").toggleAttribute("data-busy", true);
    sayDecision("Sending.");
    const answer = await post(path, said);
    element("office-decide").toggleAttribute("data-busy", false);
    if (!answer.ok) {
      const again = answer.lost || answer.away ? " Send it again: it is done once at most." : "";
      sayDecision(answer.problems.join(" ") + again, "refused");
      return;
    }
    desk.preferences.set("actor", actor);
    leave();
    done?.(answer.body);
    await askNow();
    element("office-note").textContent = `${verb}: ${answer.body.state || answer.body.decision || "done"}.`;
    desk.officeClient.again();
  };

  /* the page opens a tab in its own time */
  const toSearch = async () => {
    props("office-tabs", { value: "clients" });
    await desk.until(() => element("office-search").checkVisibility());
    element("office-search").focus();
  };
  const reader = () => ({ role, actor: value("office-reader"), reason: value("office-why") });

  const exportCsv = () => document.querySelector("[data-file='breaks']").click();

  const start = () => {
    desk.setEmpty("office-client", true);
    const name = desk.preferences.get("actor", "");
    if (name) for (const id of ["office-decide-actor", "office-reader"]) props(id, { value: name });
    desk.officeClient.start();
    setInterval(refresh, 500);
  };

  window.dash_clientside ??= {};
  window.dash_clientside.office = {
    tab: (given) => {
      if (given && given !== tab) {
        tab = given;
        desk.officeRows.putAway();
        if (isShown() && !absent) askNow();
      }
      return window.dash_clientside.no_update;
    },
    role: (given) => {
      if (given) {
        role = given;
        desk.officeRows.putAway();
        document.querySelector("[data-screen='office']").dataset.role = given;
        desk.officeClient.again(true);
      }
      return window.dash_clientside.no_update;
    },
  };
  const withdraw = () => desk.officeClient.ask("withdraw");
  const hold = () => desk.officeClient.ask("hold");
  desk.office = { start, show: refresh, askNow, decide, send, leave, toSearch, reader, get, exportCsv, withdraw, hold };
}
