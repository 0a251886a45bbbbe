/* The hand-over note: what the next shift has to know, from the log, to read, copy and post. */
"use strict";
{
  const desk = (window.desk ??= {});
  const MINUTE_MS = 60_000;
  const ASIDE = 8; // lines of a list before the rest is counted
  let text = "";
  let sinceMs = null;

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const made = (...given) => desk.made(...given);
  const usd = (value, sign) => `${desk.formats.compact(value, sign)} USD`;

  const say = (said, state = "") => {
    element("alerts-shift-said").textContent = said;
    element("alerts-shift-said").dataset.state = state;
  };

  const section = (title, lines, nothing) => {
    const box = made("section", "", "shift-part");
    const list = made("ul");
    list.append(...lines.slice(0, ASIDE));
    if (lines.length > ASIDE) list.append(made("li", `and ${desk.formats.number(lines.length - ASIDE)} more`, "below"));
    box.append(made("h3", title), lines.length ? list : made("p", nothing, "below"));
    return box;
  };

  const line = (name, said, severity = "", number = null) => {
    const item = made("li");
    if (severity) item.append(desk.alertWords.mark(severity));
    item.append(number === null ? made("b", name) : desk.button(name, `Open ${name}`, () => desk.alerts.open(number)),
      made("span", said));
    return item;
  };

  const openLine = (one) => line(one.name, [one.headline, usd(one.at_stake_usd), one.owner || "nobody’s",
    one.state === "open" ? "not acknowledged" : one.state === "snoozed" ? `snoozed until ${desk.alertWords.when(one.snoozed_until_ms)}` : one.state,
    desk.alertWords.span(desk.alertWatch.now() - one.opened_ms)].join(" · "), one.severity, one.number);

  const resolvedLine = (one) => line(one.name, [one.headline,
    one.outcome === "ungraded" ? "not graded" : one.outcome, one.outcome_usd ? usd(one.outcome_usd, true) : "",
    one.owner].filter(Boolean).join(" · "), one.severity, one.number);

  const fact = ({ name, text: said }) => line(name, said);
  const until = (ms) => `until ${desk.alertWords.when(ms)}`;

  const draw = (note) => {
    const { house } = note;
    const urgent = note.unacknowledged_criticals;
    const worth = note.resolved.reduce((sum, one) => sum + one.outcome_usd, 0);
    const head = made("p", `${desk.alertWords.dated(note.since_ms)} to ${desk.alertWords.dated(note.until_ms)} UTC: `
      + `${desk.formats.number(note.opened)} cases began, ${desk.formats.number(note.resolved.length)} ended`
      + `${worth ? `, ${usd(worth, true)} by acting` : ""}.`, "shift-head");
    const parts = [head];
    if (urgent.length) parts.push(made("p", `▲ Critical and not acknowledged: ${urgent.join(", ")}`, "shift-head is-critical"));
    parts.push(section("Open", note.open.map(openLine), "Nothing is open."),
      section("Resolved", note.resolved.map(resolvedLine), "Nothing ended in this time."),
      section("Muted", note.mutes.map((mute) => line(desk.alertMutes.titleOf(mute.rule),
        [mute.subject || "all", until(mute.until_ms), `${mute.actor}: ${mute.reason}`].join(" · "))), "Nothing is muted."),
      section("In force for a while", house.temporary.map((one) => line(until(one.until_ms), `${one.what} · ${one.actor}`)), "No override runs."),
      section("Exposure", house.exposure.map(fact), "Not known."),
      section("P&L", house.pnl.map(fact), "Not known."),
      section("Systems", house.health.map(fact), "Nothing to report."),
      section("Who acted", note.acted.map((one) => line(one.actor, Object.entries(one.kinds).map(([kind, n]) => `${n} ${kind}`).join(", "))), "Nobody."));
    element("alerts-shift-body").replaceChildren(...parts);
    ({ text } = note);
    sinceMs = note.since_ms;
    element("alerts-shift-text").textContent = text;
    desk.alerts.nothing("shift", "");
  };

  const asked = () => {
    const chosen = element("alerts-shift").value;
    return chosen === "last" ? "" : `?since_ms=${Math.round(desk.alertWatch.now() - Number(chosen) * MINUTE_MS)}`;
  };

  const ask = async () => {
    const answer = await desk.orders.get(`/api/v1/alerts/handover${asked()}`);
    if (answer.ok) draw(answer.body);
    else desk.alerts.nothing("shift", answer.problems.join(" "));
  };

  /* a page that is reached without TLS has no clipboard: the text is marked instead */
  const copy = async () => {
    const place = element("alerts-shift-text");
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.", "ok");
    } catch {
      place.closest("details").open = true;
      window.getSelection().selectAllChildren(place);
      say("The text is marked: copy it with Ctrl and C.");
    }
  };

  let key = null;
  const post = async () => {
    const actor = element("alerts-shift-actor").value.trim();
    const words = element("alerts-shift-words").value.trim();
    key ??= desk.orders.newKey();
    say("Posting.");
    const answer = await desk.orders.post("/api/v1/alerts/handover", { key, actor, words, since_ms: sinceMs });
    if (!answer.ok) {
      const again = answer.lost || answer.away ? " Post it again: it is said once at most." : "";
      say(answer.problems.join(" ") + again, "refused");
      return;
    }
    key = null;
    desk.alertActs.remember(actor);
    props("alerts-shift-words", { value: "" });
    const { channels } = answer.body;
    say(channels.length ? `Posted to ${channels.join(", ")}, and written down.` : "Written down; no channel took it.", "ok");
    element("alerts-shift-text").textContent = answer.body.text;
    ({ text } = answer.body);
  };

  const start = () => element("alerts-shift").addEventListener("change", ask);
  desk.alertShift = { start, ask, copy, post };
}
