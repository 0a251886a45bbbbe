/* From a frame to rows: zips the columns of a view and picks the side and book that are switched
   on. The figures were computed in Python; here they are only chosen. */
"use strict";
{
  const desk = (window.desk ??= {});

  desk.classNames = {
    fx: "FX", metal: "Metal", index: "Index", energy: "Energy", share: "Share", crypto: "Crypto",
    other: "Other",
  };
  desk.choices = { view: "underlying", side: "house", book: "all", class: "all", search: "",
                   screen: "desk", watch: "margin" };

  const TREND_SAMPLES = 120;
  const PLAIN = ["bid", "ask", "units", "lp_lots", "lp_floating", "uncovered_lots",
                 "uncovered_value", "coverage", "limit_used", "limit_value", "vwap_long",
                 "vwap_short", "var_value", "top_share", "accounts", "positions", "unpriced", "age_ms"];

  const model = { definitions: {}, frame: null, mids: {}, figures: {}, trend: 0 };

  const trendOf = (name) => model.mids[name];

  const picked = (column, k, view) => {
    const { side, book } = desk.choices;
    const chosen = view === "currency" ? "all" : book;
    const whose = view === "currency" ? "house" : side;
    const sign = side === "house" ? -1 : 1;
    const long = column(`long_lots_${chosen}`);
    const short = column(`short_lots_${chosen}`);
    const net = column(`${whose}_value_${chosen}`);
    const signed = (value) => (value === null || value === undefined ? null : sign * value);
    return {
      buy_lots: long,
      sell_lots: short,
      long_share: long + short > 0 ? long / (long + short) : null,
      gross_value: column(`gross_value_${chosen}`),
      net_value: net,
      net_lots: column(`${whose}_lots_${chosen}`),
      net_lots_a: signed(column("client_lots_a")),
      net_lots_b: signed(column("client_lots_b")),
      net_lots_c: signed(column("client_lots_c")),
      floating: column(`${whose}_floating_${chosen}`),
      floating_a: column("house_floating_a"),
      floating_b: column("house_floating_b"),
      per_percent: net === null || net === undefined ? null : net / 100,
      vwap_buy: column("vwap_long"),
      vwap_sell: column("vwap_short"),
    };
  };

  const rowOf = (columns, k, view) => {
    const column = (name) => columns[name]?.[k] ?? null;
    const row = picked(column, k, view);
    for (const name of PLAIN) row[name] = column(name);
    row.stale = column("stale") === 1;
    return row;
  };

  const changeOver = (trend, mid) =>
    trend?.length && trend[0] && mid ? mid / trend[0] - 1 : null;

  /* rows of a view, narrowed by class and search */
  const rows = () => {
    const { view, search } = desk.choices;
    const known = model.definitions[view];
    const columns = model.frame.views[view];
    const wanted = search.trim().toUpperCase();
    const out = [];
    known.names.forEach((name, k) => {
      const assetClass = known.classes[k];
      if (view !== "currency" && desk.choices.class !== "all" && assetClass !== desk.choices.class) return;
      if (wanted && !known.members[k].concat(name).some((text) => text.toUpperCase().includes(wanted))) return;
      const row = rowOf(columns, k, view);
      const trend = trendOf(known.members[k][0]);
      out.push(Object.assign(row, {
        id: `${view}/${name}`, name: view === "class" ? desk.classNames[name] ?? name : name, key: name,
        asset_class: assetClass, members: known.members[k], digits: known.digits[k],
        trend, change: changeOver(trend, columns.mid?.[k]),
      }));
    });
    return out;
  };

  /* the pinned row: the whole book, or the one class that is switched on */
  const total = () => {
    const { view } = desk.choices;
    const chosen = view === "currency" ? "all" : desk.choices.class;
    const k = chosen === "all" ? 0 : model.definitions.class.names.indexOf(chosen);
    const columns = chosen === "all" ? model.frame.views.total : model.frame.views.class;
    if (view === "currency") {
      const net = model.frame.views.currency.house_value_all.reduce((sum, value) => sum + (value ?? 0), 0);
      return { id: "total", name: "Total", digits: 2, net_value: net, per_percent: null };
    }
    const whole = desk.choices.search.trim() ? "Whole book" : "Total"; // a search narrows rows only
    const name = chosen === "all" ? whole : `${desk.classNames[chosen]} total`;
    return { ...rowOf(columns, k, "total"), id: "total", name, digits: 2 };
  };

  const appendTrends = (frame) => {
    const symbols = model.definitions.symbol.names;
    const mids = frame.views.symbol.mid;
    symbols.forEach((name, k) => {
      model.mids[name] = [...(model.mids[name] ?? []), mids[k]].slice(-TREND_SAMPLES);
    });
    for (const [name, value] of Object.entries(frame.figures)) {
      model.figures[name] = [...(model.figures[name] ?? []), value].slice(-TREND_SAMPLES);
    }
  };

  const accept = (frame) => {
    if (frame.type === "full") {
      model.trend = frame.trend;
      model.definitions = frame.definitions;
      model.mids = frame.trends.mids;
      model.figures = frame.trends.figures;
    } else if (frame.trend > model.trend) {
      model.trend = frame.trend;
      appendTrends(frame);
    }
    model.frame = frame;
  };

  const figure = (template) => {
    const { side, book } = desk.choices;
    return template.replace("{side}", side).replace("{book}", book);
  };

  desk.model = Object.assign(model, { accept, rows, total, figure });
}
