/* What every screen knows of open alerts: asked every other second, answered from memory. The strip
   shows them by severity, the desk screen the most urgent ones, and a new critical one is said. */
"use strict";
{
  const desk = (window.desk ??= {});
  const EVERY_MS = 2_000;
  const OLD_MS = 10_000;
  const SHOWN = 3;
  const SEVERITIES = ["critical", "warning", "info"];
  const listeners = [];
  const said = new Set(); // critical cases that were announced
  let summary = null;
  let answeredAt = null;
  let offset = 0; // of the server's wall clock to this one's
  let failure = "";
  let asking = false;
  let askedAt = -Infinity;

  const element = (id) => document.getElementById(id);
  const isOn = () => element("shell-choices").dataset.alerts === "true";
  const age = () => (answeredAt === null ? null : performance.now() - answeredAt);
  const isOld = () => Boolean(failure) || (age() !== null && age() > OLD_MS);
  const now = () => Date.now() + offset;

  const counted = ({ counts }) => SEVERITIES.filter((name) => counts[name])
    .map((name) => `${desk.formats.number(counts[name])} ${name}`).join(", ") || "no alert is open";
  const lame = () => (summary?.channels ?? []).filter((channel) => !channel.works);

  const sentence = () => {
    if (!summary) return failure || "Asking for alerts.";
    const waiting = summary.counts.unacknowledged;
    const parts = [counted(summary), waiting ? `${desk.formats.number(waiting)} to acknowledge` : "",
      lame().length ? `channels that do not work: ${lame().map(({ name }) => name).join(", ")}` : "",
      isOld() ? `as of ${desk.formats.age(Math.max(1000, age()))} ago: ${failure}` : ""];
    return `Alerts: ${parts.filter(Boolean).join("; ")}`;
  };

  const drawStrip = () => {
    const button = element("shell-alerts");
    button.hidden = false;
    button.toggleAttribute("data-stale", isOld());
    button.toggleAttribute("data-urgent", !isOld() && summary?.counts.unacknowledged_critical > 0);
    const counts = summary?.counts;
    for (const part of button.querySelectorAll("[data-severity]")) {
      const count = counts?.[part.dataset.severity] ?? 0;
      part.hidden = count === 0;
      desk.setText(part.querySelector("b"), desk.formats.number(count));
    }
    const none = counts && SEVERITIES.every((name) => !counts[name]);
    const fresh = none ? "quiet" : counts?.unacknowledged ? `${desk.formats.number(counts.unacknowledged)} new` : "";
    const more = isOld() ? (summary ? "old" : "away") : [fresh, lame().length ? "▲ channel" : ""].filter(Boolean).join(" · ");
    desk.setText(button.querySelector(".alert-more"), more);
    if (button.title !== sentence()) {
      button.title = sentence();
      button.setAttribute("aria-label", sentence());
    }
    for (const rail of document.querySelectorAll("[data-action='screen:alerts'].rail-button")) {
      rail.toggleAttribute("data-alert", counts?.unacknowledged_critical > 0);
    }
  };

  const line = (one) => {
    const { alertWords } = desk;
    const item = desk.made("li", "", `sev-line sev-${one.severity}`);
    const name = desk.button(one.name, `Open ${one.name}`, () => desk.alerts.open(one.number));
    name.className = "now-name";
    const age = desk.made("time", "", "age");
    age.dataset.since = one.opened_ms;
    const todo = desk.made("span", "", "todo");
    todo.append(...desk.alertActs.offers(one), desk.made("span", one.advice));
    todo.title = one.advice;
    const what = desk.made("span", one.headline, "what");
    what.title = one.headline;
    item.append(alertWords.mark(one.severity), name, what,
      desk.made("span", alertWords.usd(one.at_stake_usd), "stake"), age, todo);
    return item;
  };

  /* a button under the pointer stays while nothing about its case changes */
  let drawn = "";
  const drawNow = () => {
    const panel = element("alerts-now");
    const urgent = (summary?.top ?? []).filter((one) => one.state === "open" && one.inhibited_by === null
      && one.severity !== "info").slice(0, SHOWN);
    panel.hidden = urgent.length === 0;
    panel.toggleAttribute("data-stale", isOld());
    const held = JSON.stringify(urgent.map((one) => [one.number, one.version, one.headline, one.at_stake_usd]));
    if (held !== drawn) {
      drawn = held;
      element("alerts-now-list").replaceChildren(...urgent.map(line));
    }
    const open = summary?.counts.open ?? 0;
    const rest = isOld() ? `as of ${desk.formats.age(Math.max(1000, age() ?? 0))} ago` : `all ${desk.formats.number(open)} open`;
    desk.setText(element("alerts-now-more"), rest);
    desk.alertWords.drawAges(element("alerts-now-list"));
  };

  const announce = () => {
    const critical = summary.top.filter((one) => one.severity === "critical" && one.state === "open");
    const fresh = critical.filter((one) => !said.has(one.number));
    for (const one of critical) said.add(one.number);
    if (fresh.length === 0) return;
    const [first] = fresh;
    const more = fresh.length > 1 ? ` And ${desk.formats.number(fresh.length - 1)} more.` : "";
    element("shell-said").textContent = `Critical alert ${first.name}: ${first.headline}.${more}`;
  };

  const draw = () => {
    drawStrip();
    if (desk.choices.screen === "desk") drawNow();
  };

  const askNow = async () => {
    asking = true;
    askedAt = performance.now();
    const answer = await desk.orders.get("/api/v1/alerts/open");
    asking = false;
    failure = answer.ok ? "" : answer.problems.join(" ");
    if (answer.ok) {
      summary = answer.body;
      answeredAt = performance.now();
      offset = summary.now_ms - Date.now();
      announce();
    }
    draw();
    for (const hear of listeners) hear();
  };

  const refresh = () => {
    if (document.hidden) return;
    draw();
    const away = desk.paused || document.body.dataset.freshness === "disconnected";
    if (!asking && !away && performance.now() - askedAt >= EVERY_MS) askNow();
  };

  const start = () => {
    if (!isOn()) return;
    refresh();
    setInterval(refresh, 500);
  };

  desk.alertWatch = { start, isOn, now, age, isOld, askNow, hear: (listener) => listeners.push(listener),
    get summary() { return summary; }, get failure() { return failure; } };
}
