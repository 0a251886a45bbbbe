/* The risk screen: VaR and its parts with every frame; scenarios, a shock, a ladder and the smallest
   ruinous move as the desk computes them, each with its age. */
"use strict";
{
  const desk = (window.desk ??= {});
  const TABLE_EVERY_MS = 10_000;
  const OLD_MS = 60_000; // a result that was computed once says so more loudly from here on
  const chosen = { family: "scenarios" };
  const grids = {};
  const keepers = {};
  let scenario = "";
  let totals = { part: 0 };

  const element = (id) => document.getElementById(id);
  const value = (id) => element(id)?.value ?? "";
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const panel = (name) => document.querySelector(`.panel-${name}`);
  const tone = (figure) => (figure > 0 ? "is-profit" : figure < 0 ? "is-loss" : "");
  const made = (tag, text = "", className = "") =>
    Object.assign(document.createElement(tag), { textContent: text, className });

  /* what was asked wrongly is said beside the field, and marked in it */
  const say = (kind, answer) => {
    const note = element(`risk-${kind}-note`);
    note.dataset.state = answer.state;
    const failed = answer.state === "failed" && askers[kind].shown;
    note.textContent = failed ? `${answer.note} Below is the last answer.` : answer.note;
    for (const field of document.querySelectorAll(`[data-form='${kind}'] input`)) {
      const wrong = answer.state === "refused" && field.id.endsWith(answer.field);
      field.setAttribute("aria-invalid", String(wrong));
    }
  };

  const setTotal = (api, row) => {
    const node = api.getPinnedBottomRow(0);
    if (node) node.setData(row);
    else api.setGridOption("pinnedBottomRowData", [row]);
  };

  /* live: tiles and parts */
  const tileText = (key, risk) => {
    const { compact, number, percent } = desk.formats;
    const figure = risk.figures[key];
    if (key === "source") return risk.source;
    if (key.endsWith("_ratio")) return percent(figure);
    return key.endsWith("_usd") ? compact(figure) : number(figure);
  };

  const partText = (key, risk) => {
    if (key === "sample_age") {
      return risk.sample_age_ms === null ? "none yet" : `${desk.formats.age(risk.sample_age_ms)} ago`;
    }
    return tileText(key, risk);
  };

  const drawTiles = (risk) => {
    for (const tile of document.querySelectorAll("[data-risk]")) {
      const text = tile.querySelector(".tile-value");
      text.textContent = tileText(tile.dataset.risk, risk);
      const warns = (tile.dataset.risk === "unpriced_symbols" && risk.figures.unpriced_symbols > 0)
        || (tile.dataset.risk === "source" && risk.source === "prior");
      text.className = `tile-value ${warns ? "is-warning" : ""}`;
    }
    for (const part of document.querySelectorAll("[data-risks]")) {
      part.textContent = partText(part.dataset.risks, risk);
    }
    const notes = [...risk.notes];
    if (risk.source !== "measured") {
      const { percent } = desk.formats;
      notes.unshift(`${percent(risk.figures.prior_ratio)} of these figures is a prior by asset class, ` +
        `${percent(risk.figures.measured_ratio)} was measured.`);
    }
    const list = element("risk-notes");
    if (list.dataset.said === notes.join()) return;
    list.dataset.said = notes.join();
    list.replaceChildren(...notes.map((note) => made("li", note)));
  };

  const partRows = (risk) => risk.columns.name.map((name, k) => ({
    id: name, name, part: risk.columns.part[k], share: risk.columns.share[k], net: risk.columns.net[k],
  }));

  const drawParts = (risk) => {
    const rows = partRows(risk);
    const sum = (field) => rows.reduce((total, row) => total + (row[field] ?? 0), 0);
    totals = { id: "total", name: "VaR 99 %", part: sum("part"), share: sum("share"), net: sum("net") };
    desk.setEmpty("parts", rows.length === 0);
    const { number } = desk.formats;
    const adds = Math.abs(totals.part - risk.figures.var_usd) < 1 + 0.01 * rows.length;
    element("risk-parts-count").textContent = adds ? `${rows.length}, adding up to it`
      : `${rows.length}, adding up to ${number(totals.part)}`;
    if (!grids.parts) return;
    const context = grids.parts.getGridOption("context");
    const scale = desk.roundUp(Math.max(...rows.map((row) => Math.abs(row.part ?? 0)), 0));
    const rescaled = context.barScale !== scale;
    context.barScale = scale;
    keepers.parts.sync(rows);
    setTotal(grids.parts, totals);
    if (rescaled) grids.parts.refreshCells({ columns: ["part"], force: true, suppressFlash: true });
  };

  const draw = () => {
    const risk = desk.model.frame?.risk;
    if (!risk || desk.choices.screen !== "risk") return;
    drawTiles(risk);
    drawParts(risk);
    offerTarget(risk);
  };

  /* the first ladder is that of the largest part of the VaR */
  const offerTarget = (risk) => {
    if (value("risk-ladder-target") || offerTarget.done || !risk.columns.name.length) return;
    offerTarget.done = true;
    props("risk-ladder-target", { value: risk.columns.name[0] });
    desk.until(() => value("risk-ladder-target")).then(() => askers.ladder.ask());
  };

  /* computed: scenarios */
  const drawTable = (answer) => {
    say("table", answer);
    if (answer.state !== "shown") {
      element("risk-scenarios-empty").textContent = answer.note;
      desk.setEmpty("scenarios", !askers.table.shown);
      return;
    }
    desk.offerNames(answer.targets);
    element("risk-scenarios-empty").textContent = "No scenario moves anything of this book.";
    desk.setEmpty("scenarios", answer.rows.length === 0);
    keepers.scenarios?.sync(answer.rows);
  };

  /* computed: a shock */
  const FIGURES = [
    ["total_usd", "House total", true], ["a_usd", "Book A", true], ["b_usd", "Book B", true],
    ["hedge_usd", "Hedge", true], ["stopped_out", "Stop-outs"], ["negative", "Negative"],
    ["deficits_usd", "Deficits"], ["balance_cost_usd", "Their cost"],
  ];
  const drawShock = (answer) => {
    say("shock", answer);
    const figures = element("risk-shock-figures");
    if (answer.state === "refused") {
      figures.replaceChildren();
      keepers.accounts?.sync([]);
      desk.setEmpty("shock", true);
    }
    if (answer.state !== "shown") return;
    desk.setEmpty("shock", false);
    const { number } = desk.formats;
    figures.replaceChildren(...FIGURES.map(([key, label, signed]) => {
      const pair = document.createElement("div");
      const figure = answer.figures[key];
      pair.append(made("dt", label), made("dd", number(figure, 0, signed), signed ? tone(figure) : ""));
      pair.dataset.shock = key;
      return pair;
    }));
    keepers.accounts?.sync(answer.rows);
  };

  /* computed: the smallest move */
  const moveText = (move, answer) => {
    const { number } = desk.formats;
    if (move.move_percent === null) {
      return `${answer.title} ${move.direction}: no move up to 99 % costs that much; ` +
        `the largest loss is ${number(Math.max(move.loss_usd, 0))} USD.`;
    }
    return `${answer.title} ${move.direction} ${number(Math.abs(move.move_percent), 3)} % ` +
      `costs ${number(move.loss_usd)} USD.`;
  };
  const drawReverse = (answer) => {
    say("reverse", answer);
    const list = element("risk-reverse-moves");
    if (answer.state === "refused") list.replaceChildren();
    if (answer.state !== "shown") return;
    list.replaceChildren(...answer.moves.map((move) => made("li", moveText(move, answer))));
  };

  /* computed: the ladder */
  const LADDER = [["stopped_out", 0], ["closed_lots", 2], ["closed_usd", 0], ["house_net_lots", 2, true],
                  ["house_net_usd", 0, true], ["orphan_lots", 2, true], ["total_usd", 0, true]];
  const OF_LOTS = ["closed_lots", "house_net_lots", "orphan_lots"];
  const rungCell = (row, [field, decimals, signed], hasLots) => {
    const known = hasLots || !OF_LOTS.includes(field);
    const text = known ? desk.formats.number(row[field], decimals, signed) : "–";
    return made("td", text, `num ${field === "total_usd" ? tone(row[field]) : ""}`);
  };
  const drawLadder = (answer) => {
    say("ladder", answer);
    if (answer.state === "refused") {
      element("risk-ladder-rows").replaceChildren();
      desk.setEmpty("ladder", false);
    }
    if (answer.state !== "shown") return;
    desk.setEmpty("ladder", false);
    element("risk-ladder-rows").replaceChildren(...answer.rows.map((row) => {
      const line = document.createElement("tr");
      const head = made("th", `${desk.formats.number(row.move_percent, 1, true)} %`, "num");
      head.scope = "row";
      line.append(head, ...LADDER.map((column) => rungCell(row, column, answer.has_lots)));
      return line;
    }));
  };

  /* computed: margin at providers */
  const providerCells = (row) => {
    const { number, compact } = desk.formats;
    const known = (figure, text) => (figure === null ? "–" : text(figure));
    const nearest = known(row.nearest_percent, (move) => `${row.nearest_symbol} ${number(move, 2)} %`);
    return [known(row.equity_usd, compact), known(row.margin_usd, compact),
      known(row.level, (level) => `${number(level, 0)} %`),
      known(row.move_to_call_percent, (move) => `${number(move, 2)} %`), nearest];
  };
  const drawProviders = (answer) => {
    say("providers", answer);
    if (answer.state !== "shown") return;
    element("risk-providers-empty").textContent = "The house holds nothing at a provider.";
    desk.setEmpty("providers", answer.rows.length === 0);
    element("risk-providers-rows").replaceChildren(...answer.rows.map((row) => {
      const line = document.createElement("tr");
      const head = Object.assign(made("th", row.lp), { scope: "row", title: row.note });
      const tight = row.level !== null && row.level < 150 ? "is-warning" : "";
      line.append(head, ...providerCells(row).map((text) => made("td", text, `num ${tight}`)));
      if (!row.note) return line;
      const note = made("td", row.note, "note");
      note.colSpan = 5;
      line.replaceChildren(head, note);
      return line;
    }));
  };

  const askers = {
    table: desk.asker({ name: "risk-table", screen: "risk", every: TABLE_EVERY_MS, draw: drawTable,
      question: () => ({ family: chosen.family }) }),
    shock: desk.asker({ name: "risk-shock", screen: "risk", draw: drawShock,
      question: () => ({ scenario, target: value("risk-shock-target"), percent: value("risk-shock-percent") }) }),
    reverse: desk.asker({ name: "risk-reverse", screen: "risk", draw: drawReverse,
      question: () => ({ target: value("risk-reverse-target"), capital: value("risk-reverse-capital") }) }),
    ladder: desk.asker({ name: "risk-ladder", screen: "risk", draw: drawLadder,
      question: () => ({ target: value("risk-ladder-target") }) }),
    providers: desk.asker({ name: "risk-providers", screen: "risk", every: TABLE_EVERY_MS,
      draw: drawProviders, question: () => ({}) }),
  };
  const LIVE = [askers.table, askers.providers]; // asked again and again while they are looked at
  const PANELS = { table: "scenarios", shock: "shock", reverse: "reverse", ladder: "ladder",
    providers: "providers" };

  /* ages go on while nothing is asked */
  const drawAges = () => {
    if (desk.choices.screen !== "risk") return;
    for (const [kind, asker] of Object.entries(askers)) {
      const note = element(`risk-${kind}-note`);
      const age = asker.age();
      const old = age !== null && age > (LIVE.includes(asker) ? 3 * TABLE_EVERY_MS : OLD_MS);
      panel(PANELS[kind]).toggleAttribute("data-old", old);
      panel(PANELS[kind]).toggleAttribute("data-asking", asker.waits());
      if (["refused", "failed"].includes(note.dataset.state)) continue;
      const title = asker.shown?.title ? `${asker.shown.title}: ` : "";
      const notes = (asker.shown?.notes ?? []).map((text) => ` ${text}`).join("");
      const text = `${old ? "▲ " : ""}${asker.shown ? title : ""}${asker.told(kind === "shock" || kind === "reverse")}${notes && `.${notes}`}`;
      if (note.textContent !== text) note.textContent = text;
    }
  };

  const ask = (kind) => {
    if (kind === "shock") scenario = "";
    askers[kind].ask();
    drawAges();
  };

  const openScenario = (row) => {
    scenario = row.id;
    askers.shock.ask();
    drawAges();
    panel("shock").scrollIntoView({ block: "nearest" });
  };

  const EXPORTS = {
    scenarios: () => [askers.table, "stress", ["name", "title", "date", "figures", "source", "moves",
      "total_usd", "a_usd", "b_usd", "hedge_usd", "stopped_out", "deficits_usd", "balance_cost_usd", "notes"]],
    providers: () => [askers.providers, "providers", ["lp", "gross_usd", "equity_usd", "margin_usd", "level",
      "move_to_call_percent", "nearest_symbol", "nearest_percent", "note"]],
    ladder: () => [askers.ladder, `ladder-${askers.ladder.shown?.title}`, ["move_percent", ...LADDER.map(([field]) => field)]],
    accounts: () => [askers.shock, "shock-accounts", ["login", "client_id", "book", "currency", "level_before",
      "level_after", "equity_after", "deficit", "cost_usd"]],
  };
  const exportCsv = (what) => {
    if (what === "parts") {
      const rows = desk.model.frame ? [...partRows(desk.model.frame.risk), totals] : [];
      desk.saveCsv("var-parts.csv", ["name", "part", "share", "net"], rows);
      return;
    }
    const [asker, name, fields] = EXPORTS[what]();
    if (asker.shown) desk.saveCsv(`${name}-${asker.shown.made.as_of.replaceAll(":", "")}.csv`, fields, asker.shown.rows);
  };

  const show = () => {
    draw();
    LIVE.forEach((asker) => asker.refresh());
    drawAges();
  };

  /* names for every field, once */
  desk.offerNames = (names) => {
    const list = element("risk-names");
    if (list.childElementCount === names.length) return;
    list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
  };

  const start = async () => {
    setInterval(() => { LIVE.forEach((asker) => asker.refresh()); drawAges(); }, 500);
    for (const name of ["scenarios", "ladder", "shock", "providers"]) desk.setEmpty(name, true);
    const ids = { parts: "risk-parts", scenarios: "risk-scenarios", accounts: "risk-shock-accounts" };
    for (const [name, id] of Object.entries(ids)) {
      const api = await desk.gridApi(id);
      keepers[name] = desk.rowKeeper(api);
      grids[name] = api;
    }
    grids.parts.applyColumnState({ state: [{ colId: "part", sort: "desc" }] });
    desk.onRow(grids.scenarios, openScenario);
    desk.onRow(grids.accounts, desk.drill.openLogin);
    desk.onRow(grids.parts, (row) =>
      desk.drill.open({ kind: "symbol", name: row.name, symbols: [row.name] }));
    for (const form of document.querySelectorAll(".risk [data-form]")) {
      form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target.matches("input")) ask(form.dataset.form);
      });
    }
    for (const [kind, draws] of [["table", drawTable], ["shock", drawShock], ["providers", drawProviders]]) {
      if (askers[kind].shown) draws(askers[kind].shown);
    }
    draw();
  };

  window.dash_clientside ??= {};
  window.dash_clientside.risk = {
    ...Object.fromEntries(Object.entries(askers).map(([kind, asker]) => [kind, asker.hear])),
    family: (family) => {
      const changed = family && family !== chosen.family;
      chosen.family = family ?? "scenarios";
      if (changed) askers.table.ask();
      return window.dash_clientside.no_update;
    },
  };
  desk.risk = { start, show, draw, ask, exportCsv };
}
