/* The revenue screen: asks the desk for a period by one dimension, again every few seconds while
   somebody looks, and draws the answer. One question at a time; an answer to an older one is dropped. */
"use strict";
{
  const desk = (window.desk ??= {});
  const REFRESH_MS = 3_000;
  const GIVE_UP_MS = 20_000;
  const HEIGHT_PER_BAR = 27;
  const TITLES = { symbol: "Symbol", underlying: "Underlying", asset_class: "Class", client_id: "Client",
                   ib: "IB", book: "Book", region: "Region", hour: "Hour", day: "Day" };
  const IN_TIME = ["hour", "day"];
  const chosen = { dimension: "symbol", period: "today", first: "", last: "" };
  let api = null;
  let keeper = null;
  let plot = null;
  let asked = 0;
  let askedAt = -Infinity;
  let answered = 0;
  let answeredAt = -Infinity;
  let shown = null;
  let shownDimension = "";

  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const element = (id) => document.getElementById(id);
  const screen = () => document.querySelector("[data-screen='revenue']");
  const waits = () => asked > answered && performance.now() - askedAt < GIVE_UP_MS;

  const ask = () => {
    asked += 1;
    askedAt = performance.now();
    props("revenue-ask", { data: { ...chosen, asked } });
  };

  const isLookedAt = () => desk.choices.screen === "revenue" && !document.hidden
    && document.body.dataset.freshness !== "disconnected";

  const refresh = () => {
    if (!isLookedAt() || desk.paused || waits()) return;
    if (performance.now() - answeredAt >= REFRESH_MS) ask();
  };

  /* what stands on the screen is of another question until the answer comes */
  const askAnew = () => {
    screen()?.toggleAttribute("data-loading", true);
    if (isLookedAt()) ask();
    else answeredAt = -Infinity;
  };

  const tone = (value) => (value > 0 ? "is-profit" : value < 0 ? "is-loss" : "");

  /* what a tile is made of, under its value */
  const drawParts = (figures) => {
    for (const part of document.querySelectorAll("[data-earned]")) {
      part.textContent = desk.formats.compact(figures?.[part.dataset.earned] ?? null, true);
    }
  };

  const drawTiles = (figures, explain) => {
    drawParts(figures);
    for (const tile of document.querySelectorAll("[data-revenue]")) {
      const value = figures?.[tile.dataset.revenue] ?? null;
      const text = tile.querySelector(".tile-value");
      text.textContent = desk.formats.compact(value, true);
      text.className = `tile-value ${tone(value)}`;
    }
    const unexplained = document.querySelector("[data-revenue='unexplained']");
    const value = unexplained.querySelector(".tile-value");
    const parts = unexplained.querySelector(".tile-parts");
    if (!explain) {
      parts.textContent = "";
      return;
    }
    value.className = `tile-value ${explain.material ? "is-critical" : ""}`;
    value.textContent = desk.formats.number(explain.unexplained, 2, true);
    parts.textContent = explain.material ? "▲ look into it" : "nothing to look into";
  };

  const drawGrid = (answer) => {
    element("revenue-count").textContent = countOf(answer);
    if (!api) return;
    if (shownDimension !== answer.dimension) {
      shownDimension = answer.dimension;
      api.getColumnDef("name").headerName = TITLES[answer.dimension];
      api.refreshHeader();
      const state = IN_TIME.includes(answer.dimension) ? { colId: "name", sort: "asc" }
        : { colId: "total", sort: "desc" };
      api.applyColumnState({ state: [state], defaultState: { sort: null } });
    }
    const context = api.getGridOption("context");
    const scale = desk.roundUp(Math.max(...answer.rows.map((row) => Math.abs(row.total)), 0));
    const rescaled = context.barScale !== scale;
    context.barScale = scale;
    keeper.sync(answer.rows);
    if (rescaled) api.refreshCells({ columns: ["total"], force: true, suppressFlash: true });
    setTotal({ id: "total", name: "Total", ...answer.total });
  };

  const setTotal = (row) => {
    const node = api.getPinnedBottomRow(0);
    if (node) node.setData(row);
    else api.setGridOption("pinnedBottomRowData", [row]);
  };

  const countOf = (answer) => {
    const { number } = desk.formats;
    const listed = answer.rows.length < answer.count ? `the largest ${number(answer.rows.length)} of ` : "";
    return `${listed}${number(answer.count)} ${answer.count === 1 ? "row" : "rows"}`;
  };

  const line = (name, value, className = "") => {
    const row = document.createElement("tr");
    row.className = className;
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const cell = document.createElement("td");
    cell.className = `num ${className ? "" : tone(value)}`;
    cell.textContent = desk.formats.number(value, 2, true);
    row.append(head, cell);
    return row;
  };

  const drawSteps = (explain) => {
    const unexplained = explain.material ? "step-unexplained material" : "step-unexplained";
    element("revenue-steps").replaceChildren(
      ...explain.steps.map(([name, value]) => line(name, value)),
      line("Unexplained", explain.unexplained, unexplained),
      line("Change of house P&L", explain.total, "step-total"));
    element("revenue-since").textContent = explain.note;
    element("revenue-until").textContent = `up to ${explain.until}`;
  };

  const drawWaterfall = (explain) => {
    if (!plot) return;
    const color = desk.appearance.color;
    const steps = [["Opening", 0], ...explain.steps, ["Unexplained", explain.unexplained]];
    const measure = ["absolute", ...explain.steps.map(() => "relative"), "relative", "total"];
    const amounts = [...steps.map(([, value]) => value), explain.total];
    const trace = { ...plot.data[0], measure, x: amounts,
      y: [...steps.map(([name]) => name), "Change"],
      text: amounts.map((value, k) => (k === 0 ? "" : desk.formats.compact(value, true))),
      textfont: { color: color("--text"), size: 10.5, family: "Inter" },
      increasing: { marker: { color: color("--profit") } },
      decreasing: { marker: { color: color("--loss") } },
      totals: { marker: { color: color("--muted") } },
      connector: { mode: "between", line: { color: color("--line"), width: 1 } } };
    const axis = { gridcolor: color("--line"), linecolor: color("--line"),
      zerolinecolor: color("--muted"), tickfont: { color: color("--muted"), size: 10.5, family: "Inter" } };
    const layout = { ...plot.layout, height: amounts.length * HEIGHT_PER_BAR + 34,
      xaxis: { ...plot.layout.xaxis, ...axis, autorange: false,
               range: rangeOf(explain) },
      yaxis: { ...plot.layout.yaxis, ...axis, tickfont: { ...axis.tickfont, color: color("--text") } },
      hoverlabel: { bgcolor: color("--raised"), bordercolor: color("--line"),
                    font: { color: color("--text"), family: "Inter" } } };
    window.Plotly.react(plot, [trace], layout);
  };

  /* room beside the longest bar, on both sides, for its amount */
  const rangeOf = (explain) => {
    let sum = 0;
    const ends = [0, explain.total];
    for (const [, value] of [...explain.steps, ["", explain.unexplained]]) {
      sum += value;
      ends.push(sum);
    }
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = (high - low || 1) * 0.24;
    return [low < 0 ? low - room : low - room / 4, high > 0 ? high + room : high + room / 4];
  };

  const drawExplain = (explain) => {
    desk.setEmpty("explain", !explain);
    element("revenue-since").textContent = "";
    element("revenue-until").textContent = "";
    if (!explain) return;
    drawSteps(explain);
    drawWaterfall(explain);
  };

  const say = (note, state) => {
    const place = element("revenue-note");
    place.hidden = !note;
    place.textContent = note;
    place.dataset.state = state;
  };

  const draw = (answer) => {
    const hasFigures = answer.state === "shown" || answer.state === "empty";
    screen().toggleAttribute("data-loading", false);
    screen().toggleAttribute("data-stale", Boolean(answer.stale) || answer.state === "failed");
    /* a failure greys the last figures and says so; it does not take them away */
    if (answer.state === "failed" && shown?.period) {
      say(`${answer.note} The figures below are the last that were read.`, "failed");
      return;
    }
    shown = answer;
    const isEmpty = !answer.count;
    desk.setEmpty("revenue", isEmpty);
    element("revenue-empty").textContent = answer.note;
    say(isEmpty && answer.state !== "failed" ? "" : answer.note, answer.stale ? "stale" : answer.state);
    drawTiles(answer.figures, answer.explain);
    drawExplain(hasFigures ? answer.explain : null);
    element("revenue-span").textContent = answer.period?.text ?? "";
    if (isEmpty) element("revenue-count").textContent = "";
    else drawGrid(answer);
  };

  const hear = (answer) => {
    if (answer && answer.asked >= asked) {
      answered = answer.asked;
      answeredAt = performance.now();
      draw(answer);
    }
    return window.dash_clientside.no_update;
  };

  const choose = (name) => (value) => {
    chosen[name] = value ?? "";
    element("revenue-days").hidden = chosen.period !== "custom";
    if (chosen.period === "custom" && !chosen.first && shown?.period) offerDays();
    askAnew();
    return window.dash_clientside.no_update;
  };

  /* a custom period begins as the one that was looked at */
  const offerDays = () => {
    Object.assign(chosen, { first: shown.period.first, last: shown.period.last });
    props("revenue-first", { value: chosen.first });
    props("revenue-last", { value: chosen.last });
  };

  const exportAs = (form) => {
    if (!shown?.period) return;
    const { first, last } = shown.period;
    const query = new URLSearchParams({ first, last, dimension: shown.dimension, form });
    const link = document.createElement("a");
    link.href = `/api/v1/revenue?${query}`;
    link.download = "";
    link.click();
  };

  /* the screen was hidden: the chart learns its size, and old figures are asked for again */
  const show = () => {
    if (plot) window.Plotly.Plots.resize(plot);
    refresh();
  };

  const paint = () => {
    if (shown?.explain) drawWaterfall(shown.explain);
  };

  const start = async () => {
    const ready = await desk.gridApi("revenue-grid");
    keeper = desk.rowKeeper(ready);
    api = ready;
    const graph = () => document.querySelector("#revenue-chart .js-plotly-plot");
    await desk.until(() => window.Plotly && graph()?._fullLayout);
    plot = graph();
    if (shown) draw(shown);
    setInterval(refresh, 250);
  };

  window.dash_clientside ??= {};
  window.dash_clientside.revenue = { answer: hear };
  for (const name of Object.keys(chosen)) window.dash_clientside.revenue[name] = choose(name);
  desk.revenue = { start, show, paint, exportAs };
}
