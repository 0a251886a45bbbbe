/* The hedging screen: asks once a second while it is looked at, and sends what a person confirms.
   A command keeps its key until it is answered, so pressing again after a lost answer does nothing
   twice. */
"use strict";
{
  const desk = (window.desk ??= {});
  const EVERY_MS = 1_000;
  const OLD_MS = 4_000;
  let told = null;        // the last answer
  let toldAt = -Infinity;
  let failure = "";
  let asking = false;
  let chosen = "";
  let waiting = null;     // what a person has to confirm
  let unanswered = null;  // what was sent and has no answer: { text, key }

  const element = (id) => document.getElementById(id);
  const value = (id) => element(id).value.trim();
  const set = (id, text) => window.dash_clientside.set_props(id, { value: text });
  const made = (tag, text = "", className = "") =>
    Object.assign(document.createElement(tag), { textContent: text, className });
  const lots = (number, sign = false) => desk.formats.number(number, 2, sign);
  const isShown = () => desk.choices.screen === "hedging" && !document.hidden;
  const rowOf = (symbol) => told?.symbols.find((row) => row.symbol === symbol);

  const request = async (path, body) => {
    const sent = body && { method: "POST", headers: { "content-type": "application/json" },
                           body: JSON.stringify(body) };
    const response = await fetch(path, { ...sent, signal: AbortSignal.timeout(12_000) });
    return { status: response.status, content: await response.json() };
  };

  /* the list */
  const band = (row) => {
    if (row.mode === "off") return made("td", "–", "why"); // nobody holds it to a band
    const cell = document.createElement("td");
    const bar = made("span", "", "band-bar");
    const away = row.net_lots - row.centre_lots;
    const reach = Math.max(row.band_lots, 1e-9);
    const place = Math.max(-1, Math.min(1, away / (2 * reach)));
    const here = made("span", "", "here");
    here.style.left = `${50 + 50 * place}%`;
    bar.append(made("span", "", "inside"), here);
    bar.toggleAttribute("data-beyond", Math.abs(away) > row.band_lots + 1e-9);
    const centre = row.centre_lots ? `${lots(row.centre_lots, true)} ` : "";
    const kind = row.band === "cube_root" ? ", cube root" : "";
    cell.append(bar, made("span", `${centre}± ${lots(row.band_lots)}${kind}`, "band-text"));
    return cell;
  };

  const HEDGES = { uncovered: "uncovered", house_net: "house net" };
  const mode = (row) => {
    const cell = made("td", row.mode);
    if (row.mode !== "off") {
      const bridge = row.bridge.on ? "bridge still on" : "bridge off";
      cell.append(made("div", `${HEDGES[row.hedges]}, ${bridge}`, "why"));
    } else if (!row.bridge.on) {
      cell.append(made("div", "bridge still off", "is-warning"));
    }
    return cell;
  };

  const CALM = ["off", "inside", "too_small", "order", "suggestion", "waiting", "cooling"];
  const state = (row) => {
    const cell = document.createElement("td");
    const warns = !CALM.includes(row.verdict);
    cell.append(made("div", warns ? `▲ ${row.sentence}` : row.sentence, warns ? "is-warning" : "why"));
    return cell;
  };

  const onItsWay = (row) => {
    if (!row.open) return made("td", "–", "why");
    const { side, lots: ordered, filled_lots: filled, enquiries } = row.open;
    const cell = made("td", `${side} ${lots(ordered)}, ${lots(filled)} filled`);
    cell.title = row.open.key;
    if (enquiries) cell.append(made("div", `asked about ${enquiries} ×`, "is-warning"));
    return cell;
  };

  const line = (row) => {
    const tr = document.createElement("tr");
    tr.tabIndex = 0;
    tr.dataset.symbol = row.symbol;
    tr.setAttribute("aria-selected", String(row.symbol === chosen));
    tr.toggleAttribute("data-stale", row.stale);
    const head = Object.assign(made("th", row.symbol), { scope: "row" });
    const net = made("td", lots(row.house_net_lots, true), "num");
    if (row.stale) net.title = `price ${desk.formats.age(row.age_ms)} old`;
    tr.append(head, net, made("td", lots(row.net_lots, true), "num"), band(row), mode(row), state(row), onItsWay(row),
      made("td", row.today.fills ? lots(row.today.lots) : "–", "num"),
      made("td", row.today.fills ? desk.formats.number(row.today.cost_usd, 0, true) : "–", "num"));
    return tr;
  };

  /* a row stays the element that it is: a pointer or the focus may be on it */
  const renew = (tr, fresh) => {
    for (const name of ["aria-selected", "data-stale"]) {
      if (fresh.hasAttribute(name)) tr.setAttribute(name, fresh.getAttribute(name));
      else tr.removeAttribute(name);
    }
    [...fresh.children].forEach((cell, k) => {
      if (!tr.children[k].isEqualNode(cell)) tr.children[k].replaceWith(cell);
    });
    return tr;
  };
  const drawLines = (fresh) => {
    const body = element("hedging-rows");
    const held = new Map([...body.children].map((tr) => [tr.dataset.symbol, tr]));
    const lines = fresh.map((tr) => (held.has(tr.dataset.symbol)
      ? renew(held.get(tr.dataset.symbol), tr) : tr));
    const same = lines.length === body.children.length && lines.every((tr, k) => tr === body.children[k]);
    if (!same) body.replaceChildren(...lines);
  };

  const ORDER = { automatic: 0, manual: 1, off: 2 };
  const sorted = (rows) => [...rows].sort((a, b) => ORDER[a.mode] - ORDER[b.mode]
    || Math.abs(b.net_lots * (b.usd_per_lot ?? 0)) - Math.abs(a.net_lots * (a.usd_per_lot ?? 0)));

  const age = () => performance.now() - toldAt;
  const drawNote = () => {
    const note = element("hedging-note");
    const old = told !== null && age() > OLD_MS;
    document.querySelector('[data-screen="hedging"]').toggleAttribute("data-stale", old || Boolean(failure && told));
    const parts = [];
    if (failure) parts.push(`▲ ${failure}`);
    if (told && !told.feed_is_live) parts.push("▲ the feed is behind: nothing is ordered");
    if (told?.not_kept) parts.push(`▲ orders wait: ${told.not_kept}`);
    if (old || (failure && told)) parts.push(`${desk.formats.age(age())} old`);
    note.dataset.state = parts.length ? "failed" : "shown";
    const text = parts.join(" · ");
    if (note.textContent !== text) note.textContent = text;
  };

  const draw = () => {
    drawNote();
    if (!told) {
      element("hedging-empty").textContent = failure || "Asking the engine what it hedges.";
      desk.setEmpty("hedging", true);
      return;
    }
    element("hedging-empty").textContent = "The house holds nothing, and no symbol has rules.";
    desk.setEmpty("hedging", told.symbols.length === 0);
    drawLines(sorted(told.symbols).map(line));
    const names = element("hedging-names");
    if (names.childElementCount !== told.symbols.length) {
      names.replaceChildren(...told.symbols.map((row) =>
        Object.assign(document.createElement("option"), { value: row.symbol })));
    }
    drawAnswers();
  };

  const drawAnswers = () => {
    const rows = told.symbols.flatMap((row) => row.answers.map((one) => ({ ...one, symbol: row.symbol })));
    rows.sort((a, b) => b.ts_ms - a.ts_ms);
    desk.setEmpty("answers", rows.length === 0);
    element("hedging-answers").replaceChildren(...rows.slice(0, 12).map((one) => {
      const rest = one.left_lots ? `, ${lots(one.left_lots)} left: ${one.reason}` : "";
      const clock = new Date(one.ts_ms).toISOString().slice(11, 19);
      const item = made("li", `${clock} ${one.symbol} ${one.side} ${lots(one.filled_lots)} filled${rest}`);
      item.title = one.key;
      return item;
    }));
  };

  const refresh = async () => {
    if (!isShown() || asking || desk.paused) return;
    asking = true;
    try {
      const { status, content } = await request("/api/v1/hedging");
      failure = status === 200 ? "" : content.error;
      if (status === 200) {
        told = content;
        toldAt = performance.now();
      }
    } catch {
      failure = "the desk does not answer";
    } finally {
      asking = false;
    }
    draw();
  };

  /* the form */
  const say = (id, text, failed = false) => {
    element(id).textContent = text;
    element(id).dataset.state = failed ? "failed" : "shown";
  };

  const choose = (symbol, withinUsd) => {
    chosen = symbol;
    set("hedging-symbol", symbol);
    const row = rowOf(symbol);
    if (row) element("hedging-mode").value = row.mode;
    set("hedging-lots", "");
    element("hedging-side").value = "";
    for (const tr of element("hedging-rows").children) {
      tr.setAttribute("aria-selected", String(tr.dataset.symbol === symbol));
    }
    forget();
    suggest(symbol, withinUsd);
  };

  /* from another screen: the ticket of a symbol, of what brings it within a limit where there is one */
  const open = (symbol, reason, withinUsd) => {
    desk.actions.act("screen:hedging");
    choose(symbol, withinUsd);
    set("hedging-reason", reason);
    element("hedging-symbol").scrollIntoView({ block: "nearest" });
  };

  const forget = () => {
    waiting = null;
    element("hedging-confirm").hidden = true;
  };

  const FIGURES = [["lots", "Lots", 2], ["cost_usd", "Cost USD", 0], ["var_before_usd", "VaR now", 0],
                   ["var_saved_usd", "VaR saved", 0]];
  const price = () => {
    const symbol = value("hedging-symbol");
    const [side, amount] = [element("hedging-side").value, value("hedging-lots")];
    if (!symbol) {
      say("hedging-ticket", "Name a symbol, or press a row.", true);
      return null;
    }
    return ask(side && amount ? { symbol, side, lots: amount } : { symbol });
  };

  /* the fields are filled by the page in its own time: what was just chosen is passed on */
  const suggest = async (symbol, withinUsd) => {
    const ticket = await ask(withinUsd === undefined ? { symbol } : { symbol, within_usd: withinUsd });
    if (!ticket || chosen !== symbol) return;
    set("hedging-lots", String(ticket.lots));
    element("hedging-side").value = ticket.side;
  };

  const ask = async (fields) => {
    const figures = element("hedging-figures");
    const asked = new URLSearchParams(fields);
    try {
      const { status, content } = await request(`/api/v1/hedging/ticket?${asked}`);
      if (status !== 200) {
        figures.replaceChildren();
        say("hedging-ticket", content.error ?? "Lots must be a number above 0.", true);
        return null;
      }
      say("hedging-ticket", content.sentence);
      figures.replaceChildren(...FIGURES.map(([key, label, decimals]) => {
        const pair = document.createElement("div");
        pair.append(made("dt", label), made("dd", desk.formats.number(content[key], decimals)));
        return pair;
      }));
      return content;
    } catch {
      say("hedging-ticket", "The desk does not answer.", true);
      return null;
    }
  };

  const who = () => ({ actor: value("hedging-actor"), reason: value("hedging-reason") });
  const confirmFirst = (question, path, body) => {
    waiting = { path, body };
    element("hedging-question").textContent = question;
    element("hedging-confirm").hidden = false;
    element("hedging-confirm").querySelector("button").focus();
  };

  const newKey = () => `desk-${[...crypto.getRandomValues(new Uint8Array(12))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

  const send = async ({ path, body }) => {
    const text = JSON.stringify([path, body]);
    const key = unanswered?.text === text ? unanswered.key : newKey();
    unanswered = { text, key };
    say("hedging-result", "Sent, waiting for the answer.");
    try {
      const { status, content } = await request(path, { ...body, key });
      if (status === 503) {
        say("hedging-result", `${content.error}. Send it again: it is done once.`, true);
        return;
      }
      unanswered = null;
      if (status === 200) say("hedging-result", sentence(content));
      else say("hedging-result", content.error ?? content.reason, true);
    } catch {
      say("hedging-result", "No answer. Send it again: it is done once.", true);
    }
    refresh();
  };

  const sentence = (done) => {
    if (done.order) return `Ordered: ${done.side} ${lots(done.lots)} ${done.symbol} at ${done.lp} (${done.order}).`;
    if (done.mode) return `${done.symbol} is ${done.mode} now, was ${done.was}.`;
    return `${done.symbol} goes on. It was paused: ${done.was_paused}.`;
  };

  const acts = {
    price,
    order: async () => {
      const ticket = await price();
      if (!ticket) return;
      const body = { symbol: ticket.symbol, side: ticket.side, lots: ticket.lots, ...who() };
      confirmFirst(`${ticket.side === "buy" ? "Buy" : "Sell"} ${lots(ticket.lots)} lots of ${ticket.symbol} at ${ticket.lp}?`,
        "/api/v1/commands/hedge", body);
    },
    mode: () => {
      const body = { symbol: value("hedging-symbol"), mode: element("hedging-mode").value, ...who() };
      const bridge = body.mode === "off" ? "the platform's bridge goes on again"
        : "the platform's bridge goes off, the desk hedges alone";
      confirmFirst(`${body.symbol} ${body.mode}: ${bridge}?`, "/api/v1/commands/hedge-mode", body);
    },
    resume: () => send({ path: "/api/v1/commands/hedge-resume",
                         body: { symbol: value("hedging-symbol"), ...who() } }),
    confirm: () => {
      const sent = waiting;
      forget();
      if (sent) send(sent);
    },
    cancel: forget,
    export: () => {
      const rows = (told?.symbols ?? []).map((row) => ({ ...row, ...row.today }));
      desk.saveCsv("hedging.csv", ["symbol", "mode", "hedges", "lp", "net_lots", "house_net_lots",
        "uncovered_lots", "lp_net_lots", "band_lots", "verdict", "sentence", "fills", "lots", "cost_usd"], rows);
    },
  };

  const start = () => {
    desk.setEmpty("hedging", true);
    desk.setEmpty("answers", true);
    const rows = element("hedging-rows");
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) choose(row.dataset.symbol);
    });
    rows.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("tr")) choose(event.target.dataset.symbol);
    });
    set("hedging-actor", desk.preferences.get("actor", ""));
    element("hedging-actor").addEventListener("change", () => desk.preferences.set("actor", value("hedging-actor")));
    setInterval(() => {
      if (isShown()) drawNote();
      refresh();
    }, EVERY_MS);
  };

  desk.hedging = { start, open, act: (what) => acts[what](), show: () => { draw(); refresh(); } };
}
