/* The decision card of one client: the verdict in words, the curves, the evidence, the trades. It is
   drawn whole from one answer, and only when the answer is another one: reading is not disturbed. */
"use strict";
{
  const desk = (window.desk ??= {});
  const { element, made } = { element: (id) => document.getElementById(id),
    made: (...what) => desk.made(...what) };
  const HEADS = { why: "Why", flip: "What would change it", money: "Money", chance: "What to expect" };
  let drawn = "";

  desk.bandMark = (band) => {
    const mark = made("i", "", `mark flow-${band}`);
    mark.setAttribute("aria-hidden", "true");
    return mark;
  };

  const drawBadge = ({ score, band }) => {
    const badge = element("card-badge");
    badge.dataset.band = band;
    badge.title = score === null ? "Too few trades for a score" : "Score of 100, and what it is called";
    badge.replaceChildren(desk.bandMark(band),
      score === null ? "no score yet" : `${desk.formats.number(score)} ${band}`);
  };

  const drawCurves = ({ curves, cost_pips: cost }) => {
    const place = element("card-curves");
    const open = new Set([...place.querySelectorAll("details[open]")]
      .map((details) => details.parentElement.dataset.curve));
    if (curves.length === 0) {
      place.replaceChildren(made("p", "No markout yet: none of his trades is old enough.", "card-text"));
      return;
    }
    place.replaceChildren(...curves.map((curve) => desk.curve(curve, cost, open.has(curve.key))));
  };

  const drawReasons = (reasons) => {
    element("card-reasons").replaceChildren(...reasons.map(({ kind, text }) => {
      const item = made("li");
      item.dataset.kind = kind;
      item.append(made("b", HEADS[kind]), made("span", text));
      return item;
    }));
  };

  const drawEvidence = (lines) => {
    const { number, percent } = desk.formats;
    element("card-evidence").replaceChildren(...lines.map((line) => {
      const pips = line.markout_pips === null ? "–"
        : `${number(line.markout_pips, 2, true)} ± ${number(line.se_pips, 2)}`;
      const decibans = line.decibans === null ? "–" : number(line.decibans, 1, true);
      const row = desk.tableRow(line.name, [pips, decibans, percent(line.p, 1)].map((text) => [text, "num"]));
      row.lastElementChild.style.setProperty("--share", `${Math.round(line.p * 50) * 2}%`);
      row.lastElementChild.classList.add("share");
      return row;
    }));
  };

  const drawTrades = (trades) => {
    const { number } = desk.formats;
    const note = trades.length === 0 ? "None of them has a markout yet."
      : `As their prices were ${number(trades[0].horizon_s)} s later.`;
    element("card-trades-note").textContent = note;
    element("card-trades").parentElement.hidden = trades.length === 0;
    element("card-trades").replaceChildren(...trades.map((trade) => desk.tableRow(desk.utc(trade.ts_ms), [
      trade.symbol, [`${trade.side === "buy" ? "▲ buys" : "▼ sells"}${trade.is_exit ? " to close" : ""}`, trade.side],
      [number(trade.lots, 2), "num"], [number(trade.markout_pips, 2, true), "num"],
      [number(trade.cost_pips, 2), "num"], [number(trade.gain, 1, true), "num"],
    ])));
  };

  const drawLogins = (logins) => {
    element("card-logins").replaceChildren(...logins.map((login) =>
      desk.button(login, `Positions of account ${login}`, () => desk.drill.openLogin({ login }))));
  };

  const title = (text) => { element("card-title").textContent = text; };

  const draw = (answer) => {
    const { asked, made: moment, ...content } = answer;
    const key = JSON.stringify(content);
    if (key === drawn) return;
    drawn = key;
    title(`Client ${answer.client_id}`);
    desk.setEmpty("card", false);
    drawBadge(answer);
    element("card-verdict").replaceChildren(...answer.verdict.map((text) => made("p", text)));
    drawCurves(answer);
    drawReasons(answer.reasons);
    drawEvidence(answer.evidence);
    drawTrades(answer.trades);
    drawLogins(answer.logins);
  };

  /* nothing of the last client may stand under the name of the next one */
  const empty = (name, text) => {
    drawn = "";
    title(name);
    element("card-badge").replaceChildren();
    element("card-empty").textContent = text;
    desk.setEmpty("card", true);
    element("card-body").scrollTop = 0;
  };

  desk.card = { draw, empty };
}
