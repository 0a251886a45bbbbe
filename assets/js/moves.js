/* The panel of moves: what waits for a second person, what was done, the audit log, and beside them
   (company.js) who acts as one and what a shadow policy would have brought. Whoever decides
   or undoes says who he is and why; until there is sign-in the name is remembered in this browser. */
"use strict";
{
  const desk = (window.desk ??= {});
  const EVERY_MS = 4_000;
  const RECENT = 50;
  const AUDITED = 100;
  const EMPTY = { waiting: "Nothing waits for a second person.", recent: "Nobody has been moved yet.",
    audit: "Nothing has been written down yet.", clusters: "Nobody was found to act as one.",
    shadow: "The shadow policy has everybody where he is." };
  const PATHS = { waiting: "/api/v1/approvals", recent: `/api/v1/commands?limit=${RECENT}`,
    audit: `/api/v1/audit?limit=${AUDITED}`, clusters: "/api/v1/clusters", shadow: "/api/v1/shadow" };
  const WORDS = { approve: "Approve", reject: "Reject", undo: "Undo" };
  let tab = "waiting";
  let asking = false;
  let askedAt = -Infinity;
  let answeredAt = null;
  let watches = false; // this desk takes no commands: it is not asked again
  let deciding = null;

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);

  const deciders = (command) => ["approve", "reject"].map((verb) =>
    desk.button(WORDS[verb], `${WORDS[verb]}: ${desk.orders.told(command)}`, () => decide(verb, command)));

  const waitingRow = (command) => {
    const { number, compact } = desk.formats;
    const { approval, request } = command;
    const buttons = desk.made("span", "", "row-buttons");
    buttons.append(...deciders(command));
    const unpriced = command.unpriced ? `, ${number(command.unpriced)} unpriced` : "";
    const size = `${number(command.clients)} · ${compact(command.gross_usd)} USD${unpriced}`;
    return desk.tableRow(desk.utcBriefly(command.created_at_ms), [approval.requested_by,
      [desk.orders.told(command), "what"], size, [request.reason, "why"],
      desk.utcBriefly(approval.expires_at_ms), buttons]);
  };

  const isUndoable = (command) => ["done", "partly"].includes(command.state)
    && !command.undone_by && !command.undo_of;

  const recentRow = (command) => {
    const [word, text, tone] = desk.orders.stateOf(command);
    const state = Object.assign(desk.made("span", word, `state-word is-${tone}`), { title: text });
    const { approval } = command;
    const second = !approval ? "not needed"
      : approval.decided_by ? `${approval.decided_by}: ${approval.decision}, ${approval.reason}` : "awaited";
    const undo = isUndoable(command) ? desk.button("Undo", `Put back: ${desk.orders.told(command)}`,
      () => decide("undo", command)) : ["", ""];
    return desk.tableRow(desk.utcBriefly(command.created_at_ms), [command.request.actor,
      [desk.orders.told(command), "what"], state, [command.request.reason, "why"], [second, "why"], undo]);
  };

  /* a row of the log holds the command as it was then: it is said in words, its key in the tip */
  const auditRow = (row) => {
    const { moves, request, expires_at_ns: until } = row.detail;
    const text = !moves?.length ? row.entity : desk.orders.told({ moves,
      undo_of: request?.type === "UndoCommand", expires_at_ms: until ? until / 1e6 : null });
    const what = Object.assign(desk.made("span", text), { title: row.entity });
    return desk.tableRow(desk.formats.number(row.seq), [desk.utc(row.at_ms), row.actor, row.action,
      what, [row.reason, "why"]]);
  };

  const DRAW = { waiting: [waitingRow, "commands"], recent: [recentRow, "commands"], audit: [auditRow, "rows"],
    clusters: [(cluster) => desk.company.clusterRow(cluster), "clusters"],
    shadow: [(client) => desk.company.shadowRow(client), "rows"] };

  const drawTab = (name, body, empty = EMPTY[name]) => {
    const [row, key] = DRAW[name];
    const rows = body[key] ?? [];
    const place = element(`moves-${name}`);
    const held = JSON.stringify(rows);
    document.querySelector(`[data-empty='${name}']`).textContent = rows.length === 0 ? empty : "";
    if (name === "shadow") desk.company.tell(body);
    place.parentElement.hidden = rows.length === 0;
    if (place.dataset.held === held) return; // a focused button stays
    place.dataset.held = held;
    place.replaceChildren(...rows.map(row));
  };

  const drawWaiting = (body) => {
    const { length } = body.commands;
    element("moves-count").textContent = length ? desk.formats.number(length) : "";
    desk.clients.drawWaiting(length);
  };

  const fail = (answer) => {
    watches = Boolean(answer.absent);
    const note = element("moves-note");
    note.textContent = answer.problems.join(" ");
    note.dataset.state = "failed";
    if (watches) document.querySelector("[data-empty='waiting']").textContent = answer.problems[0];
  };

  const askNow = async () => {
    asking = true;
    askedAt = performance.now();
    const wanted = [...new Set(["waiting", tab])];
    const answers = await Promise.all(wanted.map((name) => desk.orders.get(PATHS[name])));
    asking = false;
    const isNone = (k) => wanted[k] === "shadow" && answers[k].missing; // there is no such policy
    const failed = answers.find((answer, k) => !answer.ok && !isNone(k));
    if (failed) {
      fail(failed);
      return;
    }
    answeredAt = performance.now();
    wanted.forEach((name, k) => drawTab(name, answers[k].body, answers[k].problems[0]));
    drawWaiting(answers[0].body);
    drawAge();
  };

  const drawAge = () => {
    if (answeredAt === null || watches) return;
    const note = element("moves-note");
    const age = performance.now() - answeredAt;
    if (note.dataset.state === "failed" && age > EVERY_MS) return;
    note.dataset.state = "shown";
    note.textContent = `asked ${desk.formats.age(Math.max(1000, age))} ago`;
  };

  const refresh = () => {
    if (desk.choices.screen !== "clients" || document.hidden || asking || watches) return;
    drawAge();
    if (desk.paused || document.body.dataset.freshness === "disconnected") return;
    if (performance.now() - askedAt >= EVERY_MS) askNow();
  };

  /* a decision: approve, reject or undo one command */
  const decide = (verb, command) => {
    deciding = { verb, command, key: desk.orders.newKey() };
    element("moves-decide-what").textContent = `${WORDS[verb]}: ${desk.orders.told(command)}`;
    element("moves-decide").querySelector("[data-action='decide:send'] span").textContent = WORDS[verb];
    sayDecision("");
    element("moves-decide").hidden = false;
    element("moves-decide-reason").focus();
  };

  const leave = () => {
    deciding = null;
    element("moves-decide").hidden = true;
    props("moves-decide-reason", { value: "" });
  };

  const sayDecision = (text, state = "") => {
    element("moves-decide-note").textContent = text;
    element("moves-decide-note").dataset.state = state;
  };

  const send = async () => {
    if (!deciding || element("moves-decide").dataset.busy !== undefined) return;
    const { verb, command, key } = deciding;
    const who = { actor: element("moves-decide-actor").value.trim(),
      reason: element("moves-decide-reason").value.trim(), command: command.key };
    element("moves-decide").toggleAttribute("data-busy", true);
    sayDecision("Sending.");
    const answer = verb === "undo" ? await desk.orders.post("/api/v1/commands/undo", { key, ...who })
      : await desk.orders.post("/api/v1/approvals", { ...who, decision: verb });
    element("moves-decide").toggleAttribute("data-busy", false);
    if (!answer.ok) {
      const again = answer.lost || answer.away ? " Send it again: it is done once at most." : "";
      sayDecision(answer.problems.join(" ") + again, "refused");
      askNow();
      return;
    }
    remember(who.actor);
    const [word] = desk.orders.stateOf(answer.body);
    leave();
    desk.clients.askNow();
    await askNow();
    element("moves-note").textContent = `${WORDS[verb]}: ${word}.`;
  };

  const remember = (name) => {
    desk.preferences.set("actor", name);
    for (const id of ["move-actor", "moves-decide-actor"]) {
      if (!element(id).value) props(id, { value: name });
    }
  };

  const start = () => {
    desk.moveForm.start();
    const name = desk.preferences.get("actor", "");
    if (name) for (const id of ["move-actor", "moves-decide-actor"]) props(id, { value: name });
    setInterval(refresh, 500);
  };

  window.dash_clientside ??= {};
  window.dash_clientside.moves = {
    to: (given) => desk.moveForm.choose("to")(given),
    until: (given) => desk.moveForm.choose("until")(given),
    tab: (given) => {
      if (given && given !== tab) {
        tab = given;
        if (desk.choices.screen === "clients" && !watches) askNow();
      }
      return window.dash_clientside.no_update;
    },
  };
  desk.moves = { start, refresh, askNow, remember, send, leave };
}
