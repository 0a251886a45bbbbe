/* The form that moves clients: what is meant, a look at what would happen, and only then the command.
   Whatever is changed after the look takes it away again, so nothing else is sent than was seen. */
"use strict";
{
  const desk = (window.desk ??= {});
  const HOUR_MS = 3_600_000;
  const chosen = { to: "A", until: "none" };
  let whom = [];
  let offered = ""; // for whom a book was suggested; after that the choice is the person's
  let pending = null; // what was looked at, with its key
  let justDone = false;
  let busy = false;

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const panel = () => document.querySelector(".panel-move");
  const typed = (id) => element(id)?.value.trim() ?? "";

  const say = (text, state = "", again = false) => {
    const place = element("move-answer");
    place.textContent = text;
    place.dataset.state = state;
    element("move-again").hidden = !again;
  };

  const hidePlan = () => {
    element("move-preview").hidden = true;
  };

  const setBusy = (now) => {
    busy = now;
    panel().toggleAttribute("data-busy", now);
    for (const button of panel().querySelectorAll("button")) button.disabled = now;
  };

  const forget = () => {
    if (busy) return;
    pending = null;
    hidePlan();
    say("");
  };

  /* clients were chosen: whoever is shown is who would be moved */
  const about = (clients) => {
    if (clients.join() === whom.join()) return;
    whom = clients;
    panel().hidden = clients.length === 0;
    const { number } = desk.formats;
    const count = clients.length > 1 ? `${number(clients.length)} clients: ` : "";
    element("move-whom").textContent = count + desk.orders.listed(clients);
    element("move-whom").title = clients.join(", ");
    if (!justDone) forget(); // what was done is said until somebody else is chosen
    justDone = false;
  };

  const offer = (client, suggested, hedge) => {
    if (offered === client || whom.length !== 1 || whom[0] !== client) return;
    offered = client;
    props("move-to", { value: suggested ?? "A" });
    props("move-ratio", { value: suggested === "C" ? String(hedge) : "" });
  };

  /* an alert says where to: what the card suggests does not change that */
  const prefill = (client, book, reason) => {
    offered = client;
    props("move-to", { value: book });
    props("move-reason", { value: reason });
    panel().scrollIntoView({ block: "nearest" });
  };

  const markWrong = (id, wrong) => element(id).setAttribute("aria-invalid", String(wrong));

  /* undefined for what is no number: the sentence is said here, everything else by the desk */
  const ratio = () => {
    if (chosen.to !== "C") return null;
    const text = typed("move-ratio").replace(",", ".");
    const value = text === "" ? NaN : Number(text);
    markWrong("move-ratio", Number.isNaN(value));
    return Number.isNaN(value) ? undefined : value;
  };

  const request = (hedge) => ({
    key: desk.orders.newKey(), actor: typed("move-actor"), reason: typed("move-reason"),
    book: chosen.to, clients: whom, symbol: typed("move-symbol"), hedge_ratio: hedge,
    move_open: element("move-open").checked,
    expires_at_ms: chosen.until === "none" ? null : Date.now() + Number(chosen.until) * HOUR_MS,
  });

  const plan = (command) => {
    const { number } = desk.formats;
    const { orders } = desk;
    const accounts = new Set(command.moves.map((move) => move.login)).size;
    const from = new Map();
    for (const move of command.moves) {
      const places = [...new Set(move.before.map((before) =>
        `${orders.place(before.book, before.partial)}${before.symbol && !move.symbol ? ` for ${before.symbol}` : ""}`))];
      from.set(places.join(", "), (from.get(places.join(", ")) ?? []).concat(move.login));
    }
    const lines = [
      `${orders.told(command)}.`,
      `${number(command.clients)} ${command.clients === 1 ? "client" : "clients"}, ${number(accounts)} ` +
        `${accounts === 1 ? "account" : "accounts"}; they hold ${number(command.gross_usd)} USD gross` +
        `${command.unpriced ? `, and ${number(command.unpriced)} positions without a price` : ""}.`,
      `Until now: ${[...from].map(([where, logins]) => `${orders.listed(logins)} in ${where}`).join("; ")}.`,
      command.moves.some((move) => move.move_open)
        ? "New deals go there, and open positions go along."
        : "New deals go there; open positions stay where they are.",
    ];
    const stays = command.moves.every((move) => move.before.length === 1
      && move.before[0].book === move.book
      && (move.hedge_ratio === null || move.before[0].partial === move.hedge_ratio));
    if (stays) lines.push("They are there already: nothing would change.");
    if (command.expires_at_ms) lines.push(`It is put back by itself at ${desk.utc(command.expires_at_ms)} UTC.`);
    const approval = command.state === "waiting";
    lines.push(approval ? "A second person has to approve it: so much is at stake that nothing moves before."
      : "No second person is needed: it moves at once, and can be undone.");
    element("move-plan").replaceChildren(...lines.map((text, k) =>
      desk.made("li", text, approval && k === lines.length - 1 ? "is-warning" : "")));
    const button = element("move-preview").querySelector("[data-action='move:confirm'] span");
    button.textContent = approval ? "Ask for approval" : command.clients === 1 ? "Move him" : "Move them";
    element("move-preview").hidden = false;
    element("move-preview").scrollIntoView({ block: "nearest" });
    element("move-preview").focus(); // not its button: a key pressed twice must not give a command
  };

  const look = async () => {
    if (busy || whom.length === 0) return;
    forget();
    const hedge = ratio();
    if (hedge === undefined) {
      say("Say how much of book C is hedged: a number from 0 to 1.", "refused");
      return;
    }
    const asked = request(hedge);
    setBusy(true);
    say("Asking what would happen.");
    const answer = await desk.orders.post("/api/v1/commands/preview", asked);
    setBusy(false);
    if (asked.clients !== whom) return; // somebody else was chosen meanwhile
    say(answer.problems.join(" "), answer.ok ? "" : "refused");
    markWrong("move-actor", answer.problems.some((text) => text.startsWith("Your name")));
    markWrong("move-reason", answer.problems.some((text) => text.startsWith("Reason")));
    if (!answer.ok) return;
    pending = asked;
    plan(answer.body);
  };

  const send = async () => {
    if (busy || !pending) return;
    const asked = pending;
    setBusy(true);
    hidePlan();
    say("Sending.");
    const answer = await desk.orders.post("/api/v1/commands/reassign", asked);
    setBusy(false);
    if (answer.lost || answer.away) {
      say(`${answer.problems.join(" ")} Try again: the same command is sent with the same key, and is ` +
        "done once at most.", "failed", true);
      return;
    }
    pending = null;
    if (!answer.ok) {
      say(answer.problems.join(" "), "refused");
      return;
    }
    desk.moves.remember(asked.actor);
    const [, text, state] = desk.orders.stateOf(answer.body);
    say(`${desk.orders.told(answer.body)}. ${text}`, state);
    justDone = asked.clients.length > 1; // they are let go of now
    reset();
    desk.clients.untick();
    desk.clients.askNow();
    desk.moves.askNow();
  };

  /* nothing of this move is meant for the next one */
  const reset = () => {
    for (const id of ["move-reason", "move-symbol", "move-ratio"]) props(id, { value: "" });
    props("move-until", { value: "none" });
    props("move-open", { checked: false });
    offered = "";
  };

  const back = () => {
    forget();
    panel().querySelector("[data-action='move:look']").focus();
  };

  const choose = (name) => (given) => {
    chosen[name] = given ?? chosen[name];
    if (name === "to") document.querySelector(".panel-move")?.setAttribute("data-to", chosen.to);
    if (pending) forget();
    return window.dash_clientside.no_update;
  };

  const start = () => {
    panel().querySelector(".move-fields").addEventListener("input", () => pending && forget());
    panel().dataset.to = chosen.to;
  };

  desk.moveForm = { start, about, offer, prefill, choose, look, confirm: send, again: send, back };
}
