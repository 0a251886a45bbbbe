/* The case that is open, at the side: what happened, what to do, who and what is affected, what it
   was worth, and its timeline. */
"use strict";
{
  const desk = (window.desk ??= {});
  const LOUD = ["opened", "worse", "escalated", "resolved"];
  let number = null; // whose case is shown
  let shown = "";
  let told = null;
  let asking = false;

  const element = (id) => document.getElementById(id);
  const made = (...given) => desk.made(...given);
  const usd = (value, sign) => `${desk.formats.compact(value, sign)} USD`;

  const head = (text) => made("h3", text, "card-head");

  const verdict = (one, mutes) => {
    const box = made("div", "", `verdict sev-line sev-${one.severity}`);
    const badge = made("p", "", "case-badge");
    badge.append(desk.alertWords.mark(one.severity), made("b", one.severity, `sev-text-${one.severity}`),
      made("span", [one.title, ...desk.alertWords.standing(one)].join(" · ")));
    box.append(badge, made("p", one.headline, "case-headline"), made("p", one.advice));
    for (const mute of mutes) {
      box.append(made("p", `▲ Muted until ${desk.alertWords.when(mute.until_ms)} by ${mute.actor}: ${mute.reason}`, "is-warning"));
    }
    return box;
  };

  const buttons = (one) => {
    const { alertActs } = desk;
    const box = made("div", "", "case-buttons");
    const more = one.state === "resolved" ? ["note"] : ["own", "note", "grade"];
    const muting = desk.button("Mute…", `Mute the rule of ${one.name}`, () => desk.alertMutes.about(one));
    box.append(...alertActs.offers(one), ...alertActs.possible(one).concat(more).map((kind) => alertActs.button(kind, one)), muting);
    return box;
  };

  const figures = (one) => {
    const list = made("dl", "", "figures");
    const age = made("time");
    age.dataset.since = one.opened_ms;
    const members = desk.formats.number(one.member_count);
    const pairs = [["At stake", usd(one.at_stake_usd)], ["Most", usd(one.worst_usd)],
      [one.member_count > 1 ? "Affected" : "Seen", one.member_count > 1 ? `${members}${one.lasts ? `, ${one.active_count} active` : ""}` : `${one.count}×`],
      [one.state === "resolved" ? "Lasted" : "Age", one.state === "resolved" ? desk.alertWords.span(one.resolved_ms - one.opened_ms) : age],
      ["Whose", one.owner || "nobody’s"], ["Team", one.team || "–"], ["Opened, UTC", desk.alertWords.when(one.opened_ms)],
      ["Worth", desk.alertWords.outcome(one) || "not graded"]];
    list.append(...pairs.map(([name, value]) => {
      const pair = made("div");
      const text = made("dd");
      text.append(value);
      pair.append(made("dt", name), text);
      return pair;
    }));
    return list;
  };

  const facts = (list) => {
    const box = made("ul", "", "reasons");
    box.append(...list.map((fact) => {
      const line = made("li");
      line.append(made("b", fact.name), made("span", fact.text));
      return line;
    }));
    return box;
  };

  const opens = (member) => (member.client_id
    ? desk.button(member.subject, `Open client ${member.client_id}`, () => desk.clients.openClient(member.client_id))
    : member.subject);

  const members = (one) => {
    const table = made("table", "", "plain-table");
    const heads = made("tr");
    heads.append(...[["Who", ""], ["USD", "num"], ["What", ""], ["Last, UTC", ""]].map(([text, name]) =>
      Object.assign(made("th", text, name), { scope: "col" })));
    const body = made("tbody");
    body.append(...one.members.map((member) => {
      const row = made("tr", "", member.active || !one.lasts || one.member_count === 1 ? "" : "is-over");
      const who = made("th");
      who.scope = "row";
      who.append(opens(member));
      row.append(who, made("td", desk.formats.compact(member.at_stake_usd), "num"),
        made("td", `${member.headline}${member.active || !one.lasts || one.active_count === 0 ? "" : " (over)"}`, "why"),
        made("td", desk.alertWords.when(member.last_ms)));
      return row;
    }));
    const top = made("thead");
    top.append(heads);
    table.append(top, body);
    const box = Object.assign(made("div", "", "card-scroll"), { tabIndex: 0 });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Who is affected");
    box.append(table);
    return box;
  };

  const entry = (line) => {
    const item = made("li", "", `entry entry-${line.kind}`);
    const by = [line.actor, line.via && line.via !== "desk" ? `by ${line.via}` : ""].filter(Boolean).join(" ");
    const time = made("time", desk.alertWords.when(line.at_ms));
    time.title = `${desk.utc(line.at_ms)} UTC`;
    const said = made("span", "", "said");
    said.append(made(LOUD.includes(line.kind) ? "b" : "span", line.text || line.kind), made("small", by ? ` ${by}` : ""));
    item.append(time, said);
    return item;
  };

  const draw = () => {
    const { case: one, timeline, mutes } = told;
    element("case-title").textContent = `Case ${one.name}`;
    const held = JSON.stringify([one, timeline, mutes]);
    if (held !== shown) {
      shown = held;
      const place = element("alerts-case");
      const from = place.scrollTop;
      const parts = [verdict(one, mutes), buttons(one), figures(one)];
      if (one.facts.length) parts.push(head("Figures"), facts(one.facts));
      if (one.member_count > 1 || one.members.some((member) => member.client_id)) parts.push(head(one.is_group ? `The largest ${one.members.length} of ${desk.formats.number(one.member_count)}` : "About"), members(one));
      const lines = made("ol", "", "timeline");
      lines.append(...[...timeline].reverse().map(entry));
      parts.push(head("Timeline, newest first"), lines);
      place.replaceChildren(...parts);
      place.scrollTop = from;
    }
    desk.setEmpty("case", false);
    desk.alertWords.drawAges(element("alerts-case"));
  };

  const empty = (text) => {
    element("case-title").textContent = "Case";
    element("alerts-case-empty").textContent = text;
    desk.setEmpty("case", true);
  };

  const ask = async () => {
    const wanted = number;
    if (wanted === null || asking) return;
    asking = true;
    const answer = await desk.orders.get(`/api/v1/alerts/case?number=${wanted}`);
    asking = false;
    if (wanted !== number) {
      ask(); // another one was chosen meanwhile
      return;
    }
    element("alerts-case-note").textContent = answer.ok ? "" : `▲ ${answer.problems.join(" ")}`;
    if (answer.ok) {
      told = answer.body;
      draw();
    } else if (told?.case.number !== wanted) {
      empty(answer.problems.join(" "));
    }
  };

  const open = (wanted) => {
    if (wanted === number) return ask();
    number = wanted;
    shown = "";
    if (wanted === null) {
      empty("Choose a case: press a row, or J and K.");
      return null;
    }
    return ask();
  };

  const one = () => (told?.case.number === number ? told.case : null);
  const start = () => desk.setEmpty("case", true);
  desk.alertCase = { start, open, ask, one, get number() { return number; } };
}
