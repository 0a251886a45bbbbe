/* Rows of the office screen: what one thing that waits looks like, and what can be done about it. */
"use strict";
{
  const desk = (window.desk ??= {});
  const BRIEF = 120;

  const words = (text) => text.replaceAll("_", " ").toLowerCase();
  const amount = ({ amount_minor: minor, digits, currency }) =>
    `${desk.formats.number(minor / 10 ** digits, digits)} ${currency}`;
  const when = (ms) => (ms === null ? "–" : desk.utcBriefly(ms));
  const num = (text) => [text, "num"];
  const client = (id) => (id ? desk.button(id, `Open client ${id} beside`, () => desk.officeClient.show(id)) : "–");
  const titled = (text, title, name = "") => Object.assign(desk.made("span", text, name), { title });
  const buttons = (...made) => {
    const box = desk.made("span", "", "row-buttons");
    box.append(...made.filter(Boolean));
    return box;
  };
  const act = (text, title, decision) => desk.button(text, title, () => desk.office.decide({ verb: text, ...decision }));

  /* payments */
  const goesTo = ({ payouts }) => titled(payouts.map((part) => part.method || part.provider).join(", "),
    payouts.map((part) => `${amount(part)} by ${part.method || "?"} of ${part.provider}${part.returns ? ", back to where it came from" : ""}`).join("\n"));

  const level = (account) => (account.level_percent === null ? "no margin" : `${desk.formats.number(account.level_percent, 0)} %`);
  const accountTold = (account) => `${account.login}: equity ${desk.formats.number(account.equity, 2)} ${account.currency}, level ${level(account)}, floating ${desk.formats.number(account.floating, 2, true)}`;

  const risk = ({ accounts, login }) => {
    const [first] = accounts;
    if (!first) return [login || "–", num("–"), num("–"), num("–")];
    const more = accounts.length > 1 ? ` +${accounts.length - 1}` : "";
    const low = first.level_percent !== null && first.level_percent < 120;
    return [titled(`${first.login}${more}`, accounts.map(accountTold).join("\n")),
      num(desk.formats.number(first.equity, 0)), [`${low ? "▲ " : ""}${level(first)}`, low ? "num is-warning" : "num"],
      num(desk.formats.number(first.floating, 0, true))];
  };

  const waiting = (row) => {
    const what = `${amount(row)} for client ${row.client_id}`;
    const to = (decision, verb) => act(verb, `${verb}: ${what}`, { what: `${verb} ${what}`,
      detail: row.accounts.map(accountTold).join("; "), path: "decisions",
      body: { withdrawal: row.id, decision } });
    return desk.tableRow(when(row.requested_at_ms), [row.requested_by, client(row.client_id), num(amount(row)),
      goesTo(row), ...risk(row), when(row.expires_at_ms),
      buttons(to("approve", "Approve"), to("reject", "Reject"))]);
  };

  const holds = (row) => {
    const what = `${amount(row)} of client ${row.client_id}`;
    return desk.tableRow(when(row.at_ms), [client(row.client_id), num(amount(row)), when(row.until_ms),
      act("Release", `Release ${what}`, { what: `Release ${what}`, path: "holds", body: { action: "release", hold: row.id } })]);
  };

  const state = (word, tone = "", title = "") => titled(word, title, `state-word ${tone ? `is-${tone}` : ""}`);

  /* an order that the platform booked otherwise: people say what is right, and another one agrees */
  const FOUND = { found: "it is on the platform as ordered", not_found: "it is not on the platform: the order ends, nothing has moved" };
  const orderButtons = (row) => {
    const what = `${row.side === "in" ? "in" : "out"} ${amount(row)} on login ${row.login}`;
    const on = (action, verb, detail) => act(verb, `${verb}: ${what}`, { what: `${verb}: ${what}`, detail, path: "orders",
      body: { action, order: row.token } });
    if (row.said) {
      const detail = `${row.said.by} says: ${FOUND[row.said.verdict]}`;
      return buttons(on("approve", "Approve", detail), on("reject", "Reject", detail));
    }
    return buttons(on("found", "Found", FOUND.found), on("not_found", "Not there", FOUND.not_found),
      on("look_again", "Look again", "it is sent again only if the platform does not have it any more"));
  };

  const orders = (row) => {
    const shown = row.said ? `unclear, ${row.said.by} says ${words(row.said.verdict)}` : row.state;
    return desk.tableRow(when(row.at_ms), [row.login, client(row.client_id), num(`${row.side === "in" ? "in" : "out"} ${amount(row)}`),
      state(shown, row.state === "unclear" ? "warning" : "", row.reason), num(desk.formats.number(row.attempts)),
      row.state === "unclear" ? orderButtons(row) : "–"]);
  };

  const frozen = (row) => desk.tableRow(when(row.at_ms), [client(row.client_id), [row.cause, "why"]]);

  const deposits = (row) => desk.tableRow(when(row.at_ms), [client(row.client_id), num(amount(row)),
    state(row.state, row.state === "failed" ? "warning" : ""), `${row.provider}${row.method ? `, ${row.method}` : ""}`]);

  /* breaks */
  const SIDES = { provider: "at the provider", ledger: "in the ledger", platform: "on the platform" };
  const ACTIONS = { wait: "wait", ask_provider: "ask the provider", return_at_provider: "return it at the provider",
    post: "post", order_platform: "order it on the platform", explain: "explain it" };
  const posted = (posting) => `${amount(posting)} from ${posting.debit} to ${posting.credit}`;
  const ordered = (order) => `${amount(order)} on login ${order.login}`;
  const fixTold = (fix) => [ACTIONS[fix.action] ?? fix.action, ...fix.postings.map(posted), ...fix.orders.map(ordered)].join("; ");

  const classTold = (row) => (/_(PSP|LEDGER|PLATFORM)$/.test(row.class) ? words(row.class)
    : `${words(row.class)} ${SIDES[row.side]}`);

  const breakButtons = (row) => {
    const what = `${words(row.class)}, ${amount(row)}`;
    const on = (action, verb, more = {}) => act(verb, `${verb}: ${what}`, { what: `${verb}: ${what}`, path: "breaks",
      body: { action, break_id: row.id }, ...more });
    const take = on("assign", "Assign", { owner: true });
    const note = on("note", "Note", { detail: "The reason becomes the note." });
    if (!row.proposal) return buttons(take, note, on("propose", "Resolve", { detail: fixTold(row.fix) }));
    const { key, payload_hash: hash, postings, proposed_by: by, reason } = row.proposal;
    const detail = `${by} proposed: ${postings.map(posted).join("; ") || "no posting"} (${reason})`;
    const vote = (action, verb) => on(action, verb, { detail, body: { action, proposal: key, payload_hash: hash } });
    return buttons(vote("approve", "Approve"), vote("reject", "Reject"), take, note);
  };

  const breaks = (row) => {
    const shown = row.state === "proposed" ? state(`proposed by ${row.proposal?.proposed_by ?? "nobody in time"}`, "warning") : state(row.state);
    return desk.tableRow(`${row.age} d`, [titled(classTold(row), `${row.ref} (${row.id})`), client(row.client_id), num(amount(row)),
      num(row.usd_at_risk === null ? "no price" : desk.formats.number(row.usd_at_risk, 0)), row.owner || "–", shown,
      [fixTold(row.fix), "why"], [row.note || "–", "why"], breakButtons(row)]);
  };

  /* messages */
  const dead = (row) => {
    const what = `${row.box} letter ${row.number} of ${row.party}`;
    const on = (action, verb, more = {}) => act(verb, `${verb} ${what}`, { what: `${verb} ${what}`, path: "messages",
      body: { action, box: row.box, number: row.number }, ...more });
    const shape = row.shape.length > BRIEF ? `${row.shape.slice(0, BRIEF)}…` : row.shape;
    const shown = row.unreadable ? [`▲ ${row.unreadable}.`, "why is-warning"] : titled(shape, row.shape, "shape");
    return desk.tableRow(when(row.at_ms), [row.box, row.party, [row.reason, "why"], num(desk.formats.number(row.attempts)), shown,
      buttons(row.unreadable ? null : on("read", "Read", { done: read }), on("replay", "Replay"), on("drop", "Drop"))]);
  };

  const read = ({ box, number, text }) => {
    const place = desk.element("office-letter");
    place.textContent = `${box} ${number}\n${pretty(text)}`;
    place.hidden = false;
    place.focus();
  };
  const pretty = (text) => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  /* a letter is open as long as its tab is */
  const putAway = () => {
    const place = desk.element("office-letter");
    place.textContent = "";
    place.hidden = true;
  };

  desk.officeRows = { engine: "", putAway, amount, accountTold, waiting, holds, orders, frozen, deposits, breaks, dead };
}
