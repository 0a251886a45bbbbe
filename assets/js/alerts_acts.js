/* What people do about a case: one line in which they say it, a request with a key that is done once,
   and a way back. Moving and hedging are done by the screens that know them, prefilled here. */
"use strict";
{
  const desk = (window.desk ??= {});
  const ACTS = {
    acknowledge: { verb: "Acknowledge", brief: "Ack", done: "acknowledged", title: "Take note of it (A)" },
    snooze: { verb: "Snooze", done: "snoozed", fields: ["for"], title: "It comes back by itself (S)" },
    resolve: { verb: "Resolve", done: "resolved", fields: ["outcome", "usd"], title: "It is over (R)" },
    own: { verb: "Assign", done: "assigned", fields: ["owner"], title: "Say whose it is (T)" },
    note: { verb: "Note", done: "noted", title: "Write a line into its timeline (N)" },
    grade: { verb: "Grade", done: "graded", fields: ["outcome", "usd"], title: "Say what it was worth" },
    reopen: { verb: "Reopen", done: "reopened", title: "It is not over" },
  };
  const OPTIONAL = ["owner", "for", "outcome", "usd"];
  const MINUTE_MS = 60_000;
  const SIZES = { "": 1, K: 1e3, M: 1e6, B: 1e9 };
  let doing = null; // what is being said: { kind, one, key }
  let last = null; // what was done last, and how it was before

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const typed = (id) => element(id).value.trim();

  const possible = (one) => (one.state === "resolved" ? ["reopen", "grade"]
    : [...(one.state === "acknowledged" ? [] : ["acknowledge"]), ...(one.state === "snoozed" ? ["reopen"] : ["snooze"]), "resolve"]);

  /* Move to A and Hedge open the form and the ticket that have always done it */
  const offer = (one, { action, client_id: client, symbol, within_usd: withinUsd }) => {
    if (action === "move_to_a" && client) {
      return desk.button(`Move ${client} to A`, `Opens the form that moves client ${client}`,
        () => desk.clients.moveTo(client, "A", `${one.name} ${one.title}`));
    }
    if (action === "hedge" && symbol) {
      return desk.button(`Hedge ${symbol}`, `Opens the ticket for ${symbol}`,
        () => desk.hedging.open(symbol, `${one.name} ${one.title}`, withinUsd));
    }
    return null;
  };
  const offers = (one) => (one.state === "resolved" ? [] : one.offers ?? []).map((given) => offer(one, given)).filter(Boolean)
    .map((button) => Object.assign(button, { className: "text-button suggested" }));

  const button = (kind, one) => {
    const { verb, brief, title } = ACTS[kind];
    const made = desk.button(one.state === "snoozed" && kind === "reopen" ? "Wake" : brief ?? verb, `${verb} ${one.name}: ${title}`, (event) => {
      event.stopPropagation();
      desk.alerts.choose(one.number);
      begin(kind, one);
    });
    made.dataset.act = kind;
    made.setAttribute("aria-label", `${verb} ${one.name}`);
    return made;
  };

  const buttons = (one, kinds = possible(one)) => {
    const box = desk.made("span", "", "row-buttons");
    box.append(...offers(one).slice(0, 1), ...kinds.map((kind) => button(kind, one)));
    return box;
  };

  const say = (text, state = "") => {
    element("alerts-do-said").textContent = text;
    element("alerts-do-said").dataset.state = state;
  };

  const begin = (kind, one, given = {}) => {
    if (!one || element("alerts-do").dataset.busy !== undefined) return;
    doing = { kind, one, key: desk.orders.newKey() };
    const { verb, fields = [] } = ACTS[kind];
    element("alerts-do-what").textContent = `${verb} ${one.name}`;
    for (const name of OPTIONAL) element(`alerts-do-${name}`).closest(".field").hidden = !fields.includes(name);
    element("alerts-do-outcome").value = given.outcome ?? (one.outcome === "ungraded" ? "" : one.outcome);
    element("alerts-do-for").value = "60";
    props("alerts-do-owner", { value: given.owner ?? one.owner });
    props("alerts-do-usd", { value: one.outcome_usd ? String(one.outcome_usd) : "" });
    element("alerts-do").querySelector("[data-action='alert:send'] span").textContent = verb;
    say("");
    element("alerts-do").hidden = false;
    element("alerts-do").scrollIntoView({ block: "nearest" });
    element(typed("alerts-do-actor") ? "alerts-do-note" : "alerts-do-actor").focus();
  };

  const leave = () => {
    doing = null;
    element("alerts-do").hidden = true;
    for (const name of ["note", "usd", "owner"]) props(`alerts-do-${name}`, { value: "" });
    desk.alerts.focus();
  };

  /* 12,000 or 12k or −3k; undefined for what is no amount */
  const amount = (text) => {
    const found = /^([+-]?)(\d*\.?\d+)([KMB]?)$/i.exec(text.replace(/[,\s$]/g, "").replace("−", "-"));
    if (text === "") return 0;
    return found ? Number(`${found[1]}${found[2]}`) * SIZES[found[3].toUpperCase()] : undefined;
  };

  const request = () => {
    const { kind, one, key } = doing;
    const body = { key, number: one.number, action: kind, actor: typed("alerts-do-actor"), note: typed("alerts-do-note") };
    const { fields = [] } = ACTS[kind];
    if (fields.includes("for")) body.minutes = Number(element("alerts-do-for").value);
    if (fields.includes("owner")) body.owner = typed("alerts-do-owner");
    if (fields.includes("outcome")) {
      const chosen = element("alerts-do-outcome").value;
      if (chosen || kind === "grade") body.outcome = chosen || "ungraded";
      body.outcome_usd = amount(typed("alerts-do-usd"));
    }
    return body;
  };

  const post = (path, body) => desk.orders.post(`/api/v1/alerts/${path}`, body);

  const send = async () => {
    if (!doing || element("alerts-do").dataset.busy !== undefined) return;
    const { kind, one } = doing;
    const body = request();
    if ("outcome_usd" in body && body.outcome_usd === undefined) {
      say("Say how many USD it saved or cost, such as 12,000 or −3k.", "refused");
      return;
    }
    element("alerts-do").toggleAttribute("data-busy", true);
    say("Sending.");
    const answer = await post("act", body);
    element("alerts-do").toggleAttribute("data-busy", false);
    if (!answer.ok) {
      const again = answer.lost || answer.away ? " Send it again: it is done once at most." : "";
      say(answer.problems.join(" ") + again, "refused");
      return;
    }
    remember(body.actor);
    const { before, case: after } = answer.body;
    tell(`${one.name} ${ACTS[kind].done} by ${body.actor}.`, () => wayBack(kind, before, after).map((back) =>
      ["act", { number: one.number, actor: body.actor, note: "undo", ...back }]), kind !== "note");
    leave();
    desk.alerts.changed(after);
  };

  const remember = (actor) => {
    desk.preferences.set("actor", actor);
    for (const id of ["alerts-do-actor", "alerts-mute-actor", "alerts-shift-actor"]) props(id, { value: actor });
  };

  /* what puts a case back as it was before */
  const wayBack = (kind, before, after) => {
    if (kind === "grade") return [{ action: "grade", outcome: before.outcome, outcome_usd: before.outcome_usd }];
    const steps = [];
    if (before.state !== after.state) {
      if (after.state !== "open") steps.push({ action: "reopen" });
      if (before.state === "acknowledged") steps.push({ action: "acknowledge" });
      if (before.state === "snoozed") steps.push({ action: "snooze", minutes: left(before.snoozed_until_ms) });
      if (before.state === "resolved") steps.push({ action: "resolve" });
    }
    if (before.owner !== after.owner || steps.length) steps.push({ action: "own", owner: before.owner });
    return steps;
  };
  const left = (ms) => Math.max(1, Math.round((ms - desk.alertWatch.now()) / MINUTE_MS));

  /* what was done, and the way back as [path, body] each */
  const tell = (text, back, canUndo = true) => {
    last = canUndo ? back : null;
    element("alerts-done").hidden = false;
    element("alerts-done-text").textContent = text;
    element("alerts-done").querySelector("[data-action='alert:undo']").hidden = !canUndo;
  };

  const undo = async () => {
    if (!last) return;
    const steps = last();
    last = null;
    for (const [path, body] of steps) {
      const answer = await post(path, { ...body, key: desk.orders.newKey() });
      if (!answer.ok) {
        tell(`It could not be undone: ${answer.problems.join(" ")}`, null, false);
        desk.alerts.changed();
        return;
      }
    }
    tell("Undone: it is as it was before.", null, false);
    desk.alerts.changed();
    desk.alerts.focus();
  };

  const start = () => {
    element("alerts-do").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input, select")) send();
      if (event.key === "Escape") leave();
    });
    const actor = desk.preferences.get("actor", "");
    if (actor) for (const id of ["alerts-do-actor", "alerts-mute-actor", "alerts-shift-actor"]) props(id, { value: actor });
  };

  const isDoing = () => doing !== null;
  desk.alertActs = { start, begin, send, leave, undo, tell, remember, offers, buttons, button, possible, isDoing };
}
