/* How a cell is drawn, by the type its column names (`columns.py` says which column has which).
   Bars and tints are CSS gradients, in steps, so that the browser does not restyle for nothing. */
"use strict";
{
  const desk = (window.desk ??= {});
  const grid = (window.dashAgGridFunctions ??= {});

  const STEP = 2; // percent
  const step = (share) => Math.max(0, Math.min(100, Math.round((share * 100) / STEP) * STEP));
  const missing = (value) => value === null || value === undefined;
  const isTotal = (params) => params.node.rowPinned === "bottom";

  const numeric = (format, more = {}) => ({
    cellClass: "num",
    headerClass: "ag-right-aligned-header",
    headerValueGetter: ({ colDef }) => desk.headerOf(colDef),
    valueFormatter: (params) => (isTotal(params) && missing(params.value) ? ""
      : format(params.value, params.data ?? {})),
    comparator: (a, b) => (a ?? -Infinity) - (b ?? -Infinity),
    ...more,
  });

  const bar = (color, share) =>
    `linear-gradient(to right, var(${color}) ${share}%, transparent ${share}%)`;

  const centredBar = (color, share) => {
    const half = share / 2;
    const [from, to] = color === "--profit" ? [50, 50 + half] : [50 - half, 50];
    const paint = `color-mix(in srgb, var(${color}) var(--tint), transparent)`;
    return `linear-gradient(to right, transparent ${from}%, ${paint} ${from}%, ` +
      `${paint} ${to}%, transparent ${to}%)`;
  };

  const signClass = (params) => {
    if (missing(params.value)) return ["num", "zero"];
    return ["num", params.value > 0 ? "pos" : params.value < 0 ? "neg" : "zero"];
  };

  /* share of the largest in the column, so that a heat means the same in every row */
  const heat = (params) => {
    if (missing(params.value) || isTotal(params)) return { backgroundColor: "transparent" };
    const share = step(Math.abs(params.value) / params.context.heatScale);
    const color = params.value < 0 ? "--loss" : "--profit";
    const strength = `calc(var(--heat) * ${share / 100})`;
    return { backgroundColor: `color-mix(in srgb, var(${color}) ${strength}, transparent)` };
  };

  const limitBand = (used) => (used >= 0.9 ? "over" : used >= 0.7 ? "near" : "calm");

  const ownBand = (level, row) => {
    if (level <= (row?.stop_out_level ?? 50)) return "over";
    return level <= Math.max(row?.call_level ?? 100, 120) ? "near" : "calm";
  };

  /* without margin there is no level: calm, but for who owes something */
  const edgeOf = (value, node) =>
    value ?? ((node?.data?.equity ?? 0) < 0 ? -Infinity : Infinity);
  const byEdge = (a, b, one, other) => {
    const [left, right] = [edgeOf(a, one), edgeOf(b, other)];
    return left === right ? 0 : left - right;
  };

  class Sparkline {
    init(params) {
      this.gui = document.createElement("div");
      this.gui.className = "spark-box";
      this.refresh(params);
    }
    getGui() { return this.gui; }
    refresh(params) {
      const age = params.data?.stale && params.data.age_ms;
      this.gui.replaceChildren(...(age ? [`${desk.formats.age(age)} old`] : desk.sparkline(params.value)));
      return true;
    }
  }

  const bookTags = (params) => {
    const React = window.React;
    const tags = String(params.value ?? "").split(" ").filter(Boolean);
    return tags.map((tag) => React.createElement("span", { className: "book-tag", key: tag }, tag));
  };

  /* a shape and a word, so that nobody needs to see the colour */
  const severities = { hard: "over", soft: "near", ok: "within", unknown: "no price" };
  const severity = ({ value }) => {
    const React = window.React;
    return [React.createElement("i", { className: `mark kind-limit_${value}`, key: "mark" }),
            React.createElement("span", { key: "word" }, severities[value])];
  };

  /* a score: a bar, its number, and a shape and a word for its band */
  const flow = ({ value, data }) => {
    const React = window.React;
    const band = data?.band ?? "insufficient";
    const word = band === "insufficient" ? "too few trades" : band;
    return [React.createElement("i", { className: `mark flow-${band}`, key: "mark", "aria-hidden": true }),
            React.createElement("span", { key: "text", className: "flow-text" },
              missing(value) ? word : `${desk.formats.number(value)} ${word}`)];
  };

  /* the book, and the one that is suggested where it is another */
  const route = ({ value }) => {
    const React = window.React;
    const [present, suggested] = String(value ?? "").split(" ");
    const tag = (book, name) => React.createElement("span", { className: `book-tag ${name}`, key: name }, book);
    if (!suggested) return [tag(present, "present")];
    return [tag(present, "present"), React.createElement("span", { key: "to" }, " \u2192 "), tag(suggested, "suggested")];
  };

  const f = {
    whole: (value) => desk.formats.number(value, 0),
    lots: (value) => desk.formats.number(value, 2),
    signed: (value) => desk.formats.number(value, 0, true),
    cash: (value) => desk.formats.number(value, 2, true),
    signedLots: (value) => desk.formats.number(value, 2, true),
    price: (value, row) => desk.formats.number(value, row.digits ?? 5),
    percent: (value) => desk.formats.percent(value, 0),
    share: (value) => (Math.abs(value) > 9.99 ? (value > 0 ? "> 999 %" : "< −999 %")
      : desk.formats.percent(value, 0)),
    openProfit: (value) => (missing(value) ? "unpriced" : desk.formats.number(value, 0, true)),
    change: (value) => desk.formats.percent(value, 2, true),
    level: (value) => (missing(value) ? "–" : `${desk.formats.number(value, 1)} %`),
    age: (value) => desk.formats.age(value),
    evidence: (value) => (missing(value) ? "–" : value < 100 ? desk.formats.number(value, 2)
      : value < 1e6 ? desk.formats.number(value) : `10^${desk.formats.number(Math.log10(value))}`),
    edges: (value, row) => (missing(value) ? "–"
      : `${desk.formats.number(value, 0, true)} .. ${desk.formats.number(row.edge_high, 0, true)}`),
    drift: (value) => desk.formats.number(value, 1, true),
    distance: (value, sign) => {
      if (value === 0) return "reached";
      return Math.abs(value) > 9.99 ? "> 999 %" : desk.formats.percent(value, 2, sign);
    },
  };

  grid.deskColumnTypes = {
    name: { cellClass: ["name", "clickable"] },
    text: { cellClass: "soft" },
    assetClass: { cellClass: "soft", valueFormatter: (p) => desk.classNames[p.value] ?? p.value },
    book: { cellRenderer: bookTags },
    price: numeric(f.price),
    change: numeric(f.change, { cellClass: signClass }),
    trend: { cellClass: "spark", cellRenderer: Sparkline, sortable: false },
    lots: numeric(f.lots),
    signedLots: numeric(f.signedLots),
    units: numeric(f.whole, { cellClass: signClass }),
    money: numeric(f.whole),
    count: numeric(f.whole),
    ratio: numeric(f.percent),
    age: numeric(f.age, { cellClass: ["num", "soft"] }),
    side: { cellClass: (p) => (p.value === "buy" ? "buy" : "sell"),
            valueFormatter: (p) => (p.value === "buy" ? "▲ buy" : "▼ sell") },
    net: numeric(f.signed, {
      comparator: (a, b) => Math.abs(a ?? 0) - Math.abs(b ?? 0),
      cellStyle: (params) => {
        const share = isTotal(params) ? 0 : step(Math.abs(params.value ?? 0) / params.context.netScale);
        return { backgroundImage: centredBar(params.value < 0 ? "--loss" : "--profit", share) };
      },
    }),
    profit: numeric(f.signed, { cellClass: signClass }),
    openProfit: numeric(f.openProfit, { cellClass: signClass }),
    severity: { cellRenderer: severity },
    heat: numeric(f.signed, {
      cellClass: (params) => (isTotal(params) ? signClass(params) : ["heat", ...signClass(params)]),
      cellStyle: heat,
    }),
    amount: numeric(f.lots, { cellClass: (p) => ["num", p.value < 0 ? "neg" : ""] }),
    cash: numeric(f.cash, { cellClass: signClass }),
    cashBar: numeric(f.cash, {
      cellClass: (params) => [...signClass(params), "strong"],
      cellStyle: (params) => {
        const share = isTotal(params) ? 0 : step(Math.abs(params.value ?? 0) / params.context.barScale);
        return { backgroundImage: centredBar(params.value < 0 ? "--loss" : "--profit", share) };
      },
    }),
    /* a part of the risk is neither profit nor loss: one colour for what adds to it, one for hedges */
    part: numeric(f.whole, {
      cellClass: ["num", "strong"],
      cellStyle: (params) => {
        const share = isTotal(params) ? 0 : step(Math.abs(params.value ?? 0) / params.context.barScale);
        return { backgroundImage: bar(params.value < 0 ? "--cover" : "--limit-calm", share) };
      },
    }),
    distance: numeric((value, row) => f.distance(value), {
      cellClass: (p) => ["num", p.value === 0 ? "level-low" : ""],
      valueFormatter: ({ value, colDef }) =>
        (missing(value) ? "–" : f.distance(value, colDef.field === "to_largest")),
      comparator: (a, b, one, other) =>
        byEdge(missing(a) ? a : Math.abs(a), missing(b) ? b : Math.abs(b), one, other),
    }),
    checked: { cellClass: (p) => (p.value === "from memory" ? "memory" : "soft"),
               valueFormatter: (p) => (p.value === "from memory" ? "▲ from memory" : p.value) },
    plainLevel: numeric(f.level),
    ownLevel: numeric(f.level, {
      comparator: byEdge,
      cellClass: (p) => ["num", { over: "level-low", near: "level-near" }[ownBand(p.value, p.data)] ?? ""],
      cellStyle: (params) => ({
        backgroundImage: bar(`--limit-${ownBand(params.value ?? Infinity, params.data)}`,
          step(Math.max(params.value ?? 0, 0) / 200)),
      }),
    }),
    flow: numeric(f.whole, {
      cellClass: "flow-cell", headerClass: "", cellRenderer: flow,
      cellStyle: (params) => ({
        backgroundImage: bar({ watch: "--limit-near", toxic: "--limit-over", severe: "--limit-over" }[params.data?.band]
          ?? "--limit-calm", step((params.value ?? 0) / 100)),
      }),
    }),
    edge: numeric(f.signed, { cellClass: ["num", "strong"] }),
    edges: numeric(f.edges),
    evidence: numeric(f.evidence, {
      cellClass: (p) => ["num", p.data?.alarmed ? "alarmed" : ""],
      valueFormatter: (p) => `${p.data?.alarmed ? "▲ " : ""}${f.evidence(p.value)}`,
    }),
    drift: numeric(f.drift, {
      cellClass: (p) => ["num", p.data?.drifting ? "alarmed" : ""],
      valueFormatter: (p) => `${p.data?.drifting ? "▲ " : ""}${f.drift(p.value)}`,
    }),
    route: { cellRenderer: route, cellClass: (p) => (p.data?.suggested ? "to-move" : "") },
    reason: { cellClass: "soft", tooltipField: "reason" },
    coverage: numeric(f.share, {
      cellStyle: (params) => ({ backgroundImage: bar("--cover", step(params.value ?? 0)) }),
    }),
    limit: numeric(f.share, {
      cellClass: (p) => ["num", missing(p.value) ? "zero" : limitBand(p.value)],
      cellStyle: (params) => ({
        backgroundImage: bar(`--limit-${limitBand(params.value ?? 0)}`, step(params.value ?? 0)),
      }),
    }),
    level: numeric(f.level, {
      cellClass: (p) => ["num", p.value < 100 ? "level-low" : p.value < 120 ? "level-near" : ""],
      cellStyle: (params) => ({
        backgroundImage: bar(params.value < 100 ? "--limit-over" : params.value < 120 ? "--limit-near"
          : "--limit-calm", step((params.value ?? 0) / 200)),
      }),
    }),
  };
}
