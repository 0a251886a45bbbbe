/* What a case, a rule's grades and a mute look like in a row. Text is put in as text: it may come
   from clients. */
"use strict";
{
  const desk = (window.desk ??= {});
  const MINUTE_MS = 60_000;

  const made = (...given) => desk.made(...given);
  const minute = (ms) => desk.utc(ms).slice(11, 16);
  const isToday = (ms) => desk.utc(ms).slice(0, 10) === desk.utc(desk.alertWatch.now()).slice(0, 10);
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (ms) => `${new Date(ms).getUTCDate()} ${MONTHS[new Date(ms).getUTCMonth()]}`;
  const dated = (ms) => `${day(ms)} ${minute(ms)}`;
  const when = (ms) => (isToday(ms) ? minute(ms) : dated(ms));
  const usd = (value, sign = false) => desk.formats.compact(value, sign);
  const words = (text) => text.replaceAll("_", " ");
  const mark = (severity) => made("i", "", `mark sev-${severity}`);

  const span = (ms) => {
    const minutes = Math.floor(Math.max(0, ms) / MINUTE_MS);
    if (minutes < 1) return `${Math.floor(Math.max(0, ms) / 1000)} s`;
    if (minutes < 120) return `${minutes} min`;
    return minutes < 2_880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} d`;
  };

  /* ages go on by themselves: one pass over what is shown */
  const drawAges = (place) => {
    for (const age of place.querySelectorAll("[data-since]")) {
      desk.setText(age, span(desk.alertWatch.now() - Number(age.dataset.since)));
    }
    for (const left of place.querySelectorAll("[data-until]")) {
      desk.setText(left, span(Number(left.dataset.until) - desk.alertWatch.now()));
    }
  };

  const outcome = (one) => (one.outcome === "ungraded" ? ""
    : `${one.outcome}${one.outcome_usd ? ` ${usd(one.outcome_usd, true)} USD` : ""}`);

  /* how far a case is: the word first, then what else matters */
  const standing = (one) => {
    const state = { open: "to acknowledge", acknowledged: "acknowledged",
      snoozed: `snoozed until ${when(one.snoozed_until_ms)}`, resolved: `resolved ${when(one.resolved_ms)}` }[one.state];
    const also = [one.inhibited_by === null ? "" : `explained by A-${one.inhibited_by}`,
      one.level ? `escalated ${one.level}×` : "", one.flapping ? "comes and goes" : "", outcome(one)];
    const waits = one.state === "open" && one.inhibited_by !== null;
    return [waits ? "" : state, ...also].filter(Boolean);
  };

  const affected = (one) => (one.member_count > 1
    ? `${desk.formats.number(one.member_count)} affected${one.lasts ? `, ${desk.formats.number(one.active_count)} still active` : ""}` : "");
  const often = (one) => (one.count > 1 && one.member_count < 2 ? `${desk.formats.number(one.count)}×` : "");

  const two = (tag, above, below, name = "") => {
    const cell = made(tag, "", name);
    const first = made("div");
    first.append(above);
    cell.append(first, made("div", below, "below"));
    return cell;
  };

  const named = (one) => {
    const name = made("span", "", "case-name");
    name.append(mark(one.severity), made("b", one.name));
    const cell = two("th", name, one.severity, `sev-word-${one.severity}`);
    cell.scope = "row";
    return cell;
  };

  const aged = (one) => {
    const time = made("time");
    time.dataset.since = one.opened_ms;
    time.title = `opened ${desk.utc(one.opened_ms)} UTC, last seen ${desk.utc(one.last_ms)} UTC`;
    return two("td", time, often(one), "num age");
  };

  const caseRow = (one) => {
    const row = made("tr", "", `case-row sev-line sev-${one.severity} is-${one.state}`);
    row.dataset.number = one.number;
    row.toggleAttribute("data-explained", one.inhibited_by !== null);
    row.tabIndex = -1;
    const sub = [one.title, affected(one), one.advice].filter(Boolean).join(" · ");
    const what = two("td", made("span", one.headline, "headline"), sub, "what");
    what.title = one.advice;
    const stake = two("td", made("b", usd(one.at_stake_usd)),
      one.worst_usd > one.at_stake_usd ? `most ${usd(one.worst_usd)}` : "", "num stake");
    const whose = two("td", made("span", one.owner || "nobody’s", one.owner ? "" : "nobody"),
      "", "whose");
    whose.lastElementChild.append(...standing(one).map((said) => made("span", said)));
    const acts = made("td", "", "acts");
    acts.append(desk.alertActs.buttons(one));
    row.append(named(one), what, stake, aged(one), whose, acts);
    return row;
  };

  /* the most urgent first; what is over by when it ended */
  const ORDER = { open: 0, acknowledged: 1, snoozed: 2, resolved: 3 };
  const SEVERITY = { critical: 0, warning: 1, info: 2 };
  const sorted = (cases) => [...cases].sort((a, b) => (a.inhibited_by !== null) - (b.inhibited_by !== null)
    || ORDER[a.state] - ORDER[b.state]
    || (a.state === "resolved" ? b.resolved_ms - a.resolved_ms : SEVERITY[a.severity] - SEVERITY[b.severity])
    || b.at_stake_usd - a.at_stake_usd || b.number - a.number);

  const muteRow = (mute) => {
    const left = made("time");
    left.dataset.until = mute.until_ms;
    const box = made("td", "", "num");
    box.append(left);
    const end = desk.button("End", `End the mute of ${mute.rule}`, () => desk.alertMutes.end(mute));
    const row = desk.tableRow(desk.alertMutes.titleOf(mute.rule), [mute.subject || "all", when(mute.until_ms), "",
      mute.actor, [mute.reason, "why"], end]);
    row.children[3].replaceWith(box);
    return row;
  };

  desk.setText = (place, text) => {
    if (place.textContent !== text) place.textContent = text;
  };
  desk.alertWords = { mark, when, dated, usd, words, span, drawAges, standing, affected, outcome };
  desk.alertRows = { caseRow, muteRow, sorted };
}
