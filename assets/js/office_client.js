/* Clients of the back office: found while somebody types, and one of them from every side, as much as
   the chosen role may see. What was shown to one role goes away before another one looks. */
"use strict";
{
  const desk = (window.desk ??= {});
  const SETTLE_MS = 150;
  const SHORTEST = 2;
  const NOTE = "Names, addresses and telephone numbers are found as payments or compliance only.";
  const HEADS = { positions: "Open positions", crossings: "Margin calls and stop outs", deals: "Last large deals",
    revenue: "What the house earned, USD", balances: "Balances", deposits: "Deposits", withdrawals: "Withdrawals", holds: "Held", freezes: "Frozen by", ledger: "Wallet statement" };
  const COLUMNS = { balances: ["what", "of", "currency", "balance", "free"], deposits: ["at", "amount", "currency", "state", "provider", "login"],
    withdrawals: ["at", "amount", "currency", "state", "by", "reason"], holds: ["at", "amount", "currency"], freezes: ["at", "cause"],
    ledger: ["at", "amount", "currency", "what", "flow", "with"],
    positions: ["login", "symbol", "side", "lots", "open", "price", "profit", "currency"], crossings: ["at", "login", "what", "level"],
    deals: ["at", "login", "symbol", "side", "entry", "lots", "price"], revenue: ["what", "usd"] };
  const NUMBERS = ["amount", "balance", "free", "equity", "level", "floating", "lots", "open", "price", "profit", "usd"];
  let settling = null;
  let asked = 0;
  let hits = [];
  let active = -1;
  let shown = ""; // the client who is open
  let looked = 0;

  const element = (id) => document.getElementById(id);
  const value = (id) => element(id).value.trim();
  const words = (text) => text.replaceAll("_", " ");

  /* search */
  const about = (hit) => [hit.name || hit.initials, hit.logins.join(" "), hit.country, hit.masked_email,
    hit.kyc_state ? words(hit.kyc_state) : hit.verified ? "verified" : "not verified",
    hit.exposure_usd === undefined ? "" : hit.exposure_usd === null ? "exposure unknown" : `${desk.formats.compact(hit.exposure_usd)} USD`,
    hit.in_use ? "" : "restricted"].filter(Boolean).join(" · ");

  const drawHits = () => {
    const list = element("office-hits");
    list.replaceChildren(...hits.map((hit, k) => {
      const item = Object.assign(desk.made("li"), { id: `office-hit-${k}`, role: "option" });
      item.setAttribute("aria-selected", String(k === active));
      item.append(desk.made("b", hit.client_id), desk.made("span", about(hit)));
      item.addEventListener("click", () => choose(k));
      return item;
    }));
    const field = element("office-search");
    field.setAttribute("aria-expanded", String(hits.length > 0));
    if (active >= 0) field.setAttribute("aria-activedescendant", `office-hit-${active}`);
    else field.removeAttribute("aria-activedescendant");
  };

  const mark = (k) => {
    active = hits.length ? (k + hits.length) % hits.length : -1;
    drawHits();
    element(`office-hit-${active}`)?.scrollIntoView({ block: "nearest" });
  };

  const choose = (k) => {
    active = k;
    drawHits();
    show(hits[k].client_id);
  };

  const say = (text) => { element("office-search-note").textContent = text; };

  const search = async () => {
    const text = value("office-search");
    const number = ++asked;
    if (text.length < SHORTEST) {
      hits = [];
      mark(-1);
      say(text ? "One letter more." : NOTE);
      return;
    }
    const { role, actor } = desk.office.reader();
    const answer = await desk.office.get(`clients?${new URLSearchParams({ q: text, role, actor })}`);
    if (number !== asked) return; // somebody typed on
    hits = answer.ok ? answer.body.clients : [];
    const many = answer.ok && answer.body.is_cut ? "Too many have these letters to look at all of them: add a letter." : "";
    const counted = hits.length ? `${desk.formats.number(hits.length)} found` : many ? "" : `Nobody is found. ${NOTE}`;
    say(answer.ok ? [counted, many].filter(Boolean).join(". ") : answer.problems.join(" "));
    mark(hits.length ? 0 : -1);
  };

  const typed = () => {
    clearTimeout(settling);
    settling = setTimeout(search, SETTLE_MS);
  };

  const keyed = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      mark(active + step);
    } else if (event.key === "Enter" && active >= 0) {
      choose(active);
    } else if (event.key === "Escape") {
      asked += 1;
      hits = [];
      mark(-1);
      say(NOTE);
    }
  };

  /* one client */
  const table = (title, columns, rows) => {
    const head = desk.made("tr");
    head.append(...columns.map((name) => {
      const cell = desk.made("th", words(name), NUMBERS.includes(name) ? "num" : "");
      cell.scope = "col";
      return cell;
    }));
    const made = desk.made("table", "", "plain-table");
    made.setAttribute("aria-label", title);
    const [thead, tbody] = [desk.made("thead"), desk.made("tbody")];
    thead.append(head);
    tbody.append(...rows.map((row) => {
      const line = desk.made("tr");
      line.append(...columns.map((name) => desk.made("td", minus(row[name]) || "–", NUMBERS.includes(name) ? "num" : "")));
      return line;
    }));
    made.append(thead, tbody);
    const scroll = desk.made("div", "", "card-scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", title);
    scroll.append(made);
    return [desk.made("h3", title, "card-head"), rows.length ? scroll : desk.made("p", "None.", "card-text")];
  };
  const minus = (text) => String(text ?? "").replace(/^-(?=\d)/, desk.formats.MINUS);

  const LATER = ["client_id", "in_use", "logins"];
  const profile = (seen) => {
    const list = desk.made("ul", "", "reasons");
    const rows = Object.entries(seen.profile).filter(([name, text]) => !LATER.includes(name) && text !== "");
    const told = [...rows, ["close only", seen.kyc.close_only], ["verified", seen.kyc.verified],
      ...seen.kyc.cases.map((one) => [`${one.provider} ${one.level}`, [words(one.state), ...one.labels].join(", ")])];
    for (const [name, given] of new Map(told)) {
      const item = desk.made("li");
      const text = given === true ? "yes" : given === false ? "no" : given === null ? "not known"
        : typeof given === "number" ? `${desk.formats.number(given)} USD` : words(String(given));
      item.append(desk.made("b", words(name).replace(" usd", "")), desk.made("span", name === "email" || name === "masked_email" ? String(given) : text));
      list.append(item);
    }
    return list;
  };

  const accounts = (seen) => table("Accounts now", ["login", "currency", "equity", "level", "floating"], seen.accounts.map((one) => {
    const live = seen.live[one.login];
    const { number } = desk.formats;
    return { login: one.login, currency: one.currency, equity: live ? number(live.equity, 2) : "not known",
      level: !live ? "–" : live.level_percent === null ? "no margin" : `${number(live.level_percent)} %`,
      floating: live ? number(live.floating, 2, true) : "–" };
  }));

  const draw = (seen) => {
    const parts = [desk.made("p", seen.profile.in_use ? "" : "▲ Personal data is restricted or erased.", "card-text"), profile(seen), ...accounts(seen)];
    for (const [name, title] of Object.entries(HEADS)) {
      if (seen.sections[name]) parts.push(...table(title, COLUMNS[name], seen.sections[name]));
    }
    if (seen.engine) parts.splice(1, 0, desk.made("p", `▲ Nothing is known of what is traded now: ${seen.engine}`, "card-text"));
    element("office-client").replaceChildren(...parts);
    element("office-client-title").textContent = `Client ${seen.profile.client_id}`;
    element("office-client-note").textContent = `as ${seen.role}`;
    desk.setEmpty("office-client", false);
  };

  const empty = (title, text) => {
    element("office-client").replaceChildren();
    element("office-client-title").textContent = title;
    element("office-client-note").textContent = "";
    element("office-client-empty").textContent = text;
    desk.setEmpty("office-client", true);
  };

  const show = async (id) => {
    shown = id;
    const number = ++looked;
    const answer = await desk.office.get(`client?${new URLSearchParams({ id, ...desk.office.reader() })}`);
    if (number !== looked) return;
    if (answer.ok) draw(answer.body);
    else empty(`Client ${id}`, answer.problems.join(" "));
  };

  /* again: after a decision; as another role everything that was shown goes first */
  const again = (isOther = false) => {
    if (isOther) {
      looked += 1;
      hits = [];
      mark(-1);
      if (value("office-search")) search();
      if (shown) empty(`Client ${shown}`, "Asking the back office.");
    }
    // a read of compliance is written down each time: only a person causes one
    if (shown && desk.office.reader().role !== "compliance") show(shown);
    else if (shown && isOther) empty(`Client ${shown}`, "Say who you are and why, then choose the client again.");
  };

  /* money of the client who is open */
  const ask = (what) => {
    const named = { amount: value("office-amount").replace(",", "."), currency: value("office-currency").toUpperCase(), client_id: shown };
    const login = value("office-login");
    const told = `${named.amount || "?"} ${named.currency} ${what === "hold" ? "of" : "to"} client ${shown}`;
    if (what === "hold") {
      desk.office.decide({ verb: "Hold", what: `Hold ${told}`, detail: "out of the wallet", path: "holds", body: { action: "place", ...named } });
    } else {
      desk.office.decide({ verb: "Pay out", what: `Pay ${told}`, detail: login ? `from login ${login}` : "from the wallet",
        path: "withdrawals", body: { ...named, login } });
    }
  };

  const start = () => {
    const field = element("office-search");
    field.addEventListener("input", typed);
    field.addEventListener("keydown", keyed);
    element("office-reader").addEventListener("change", () => desk.preferences.set("actor", value("office-reader")));
    element("office-why").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && shown) show(shown);
    });
  };

  desk.officeClient = { start, show, again, ask };
}
