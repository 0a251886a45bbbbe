/* A markout curve: what a client's trades gained by the time after them, with the band in which the
   mean lies with 90 % and what a round trip costs. Above the cost he earns, and the house pays. */
"use strict";
{
  const desk = (window.desk ??= {});
  const [WIDTH, HEIGHT] = [400, 168];
  const STRAIGHT = 8; // costs up to which the axis is linear
  const [LEFT, RIGHT, TOP, BOTTOM] = [40, 10, 10, 24];

  /* three to six round values that span the figures, 0 among them */
  const ticksOf = (low, high) => {
    const span = high - low || 1;
    const rough = span / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((size) => size * power >= rough) * power;
    const from = Math.floor(low / step);
    const to = Math.ceil(high / step);
    return Array.from({ length: to - from + 1 }, (_, k) => (from + k) * step);
  };

  /* an hour moves prices a hundred times as far as a second: beyond some costs the steps grow */
  const axisOf = (low, high, cost) => {
    const size = Math.max(-low, high);
    if (cost === null || size <= STRAIGHT * cost) return { ticks: ticksOf(low, high), bent: (value) => value };
    const steps = [];
    for (let power = 10 ** Math.ceil(Math.log10(cost)); power / 10 < size; power *= 10) steps.push(power);
    const below = steps.filter((step) => step / 10 < -low).reverse().map((step) => -step);
    const above = steps.filter((step) => step / 10 < high);
    return { ticks: [...below, 0, ...above], bent: (value) => Math.asinh(value / cost) };
  };

  const decimalsOf = (ticks) => {
    const step = Math.min(...ticks.slice(1).map((tick, k) => tick - ticks[k]), Infinity);
    return Number.isFinite(step) ? Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) : 0;
  };

  const scalesOf = (points, cost) => {
    const values = [0, ...points.flatMap((point) => [point.low_pips, point.high_pips])];
    if (cost !== null) values.push(cost);
    const { ticks, bent } = axisOf(Math.min(...values), Math.max(...values), cost);
    const [low, high] = [bent(ticks[0]), bent(ticks.at(-1))];
    const logs = points.map((point) => Math.log10(point.horizon_s));
    const [first, last] = [Math.min(...logs), Math.max(...logs)];
    const x = (point) => (first === last ? (LEFT + WIDTH - RIGHT) / 2
      : LEFT + 8 + ((Math.log10(point.horizon_s) - first) / (last - first)) * (WIDTH - LEFT - RIGHT - 20));
    const y = (value) => TOP + ((high - bent(value)) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
    return { ticks, x, y };
  };

  const fixed = (value) => value.toFixed(1);
  const line = (className, x1, y1, x2, y2) =>
    desk.drawn("line", { class: className, x1: fixed(x1), y1: fixed(y1), x2: fixed(x2), y2: fixed(y2) });
  const label = (className, x, y, text) =>
    desk.drawn("text", { class: className, x: fixed(x), y: fixed(y) }, text);

  const pips = (value) => desk.formats.number(value, 2, true);
  const said = (point) => `${point.name}: ${pips(point.markout_pips)} pips, 90 % between ` +
    `${pips(point.low_pips)} and ${pips(point.high_pips)}, ${desk.formats.number(point.known)} trades`;

  /* names that would run into the one after them are left out; the last one always stands */
  const named = (points, x) => {
    let next = Infinity;
    return [...points].reverse().filter((point) => {
      const fits = x(point) <= next - 30;
      if (fits) next = x(point);
      return fits;
    });
  };

  const dotOf = (point, { x, y }) => {
    const dot = desk.drawn("circle", { class: "curve-dot", cx: fixed(x(point)),
      cy: fixed(y(point.markout_pips)), r: 2.6 });
    dot.append(desk.drawn("title", {}, said(point)));
    return dot;
  };

  const sentence = (title, points, cost) => {
    const costs = cost === null ? "" : ` A round trip costs ${desk.formats.number(cost, 2)} pips.`;
    return `${title}, the client's gain in pips: ${points.map(said).join("; ")}.${costs}`;
  };

  const picture = (title, points, cost) => {
    const scales = scalesOf(points, cost);
    const { ticks, x, y } = scales;
    const decimals = decimalsOf(ticks);
    const svg = desk.drawn("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": sentence(title, points, cost) });
    for (const tick of ticks) {
      svg.append(line(Math.abs(tick) < 1e-12 ? "curve-zero" : "curve-grid", LEFT, y(tick), WIDTH - RIGHT, y(tick)),
        label("curve-tick", LEFT - 5, y(tick) + 3.5, desk.formats.number(tick, decimals, true)));
    }
    const upper = points.map((point) => `${fixed(x(point))} ${fixed(y(point.high_pips))}`);
    const lower = points.map((point) => `${fixed(x(point))} ${fixed(y(point.low_pips))}`).reverse();
    const middle = points.map((point) => `${fixed(x(point))} ${fixed(y(point.markout_pips))}`);
    svg.append(desk.drawn("path", { class: "curve-band", d: `M${[...upper, ...lower].join("L")}Z` }));
    if (cost !== null) svg.append(line("curve-cost", LEFT, y(cost), WIDTH - RIGHT, y(cost)));
    svg.append(desk.drawn("path", { class: "curve-line", d: `M${middle.join("L")}` }),
      ...points.map((point) => dotOf(point, scales)),
      ...named(points, x).map((point) => label("curve-time", x(point), HEIGHT - 8, point.name)));
    return svg;
  };

  const tableOf = (title, points) => {
    const table = desk.made("table", "", "plain-table");
    table.setAttribute("aria-label", `${title} as a table`);
    const heads = ["After", "Client's gain, pips", "90 % between", "Known", "Pending or closed"];
    const head = desk.made("tr");
    head.append(...heads.map((text) => Object.assign(desk.made("th", text, text === "After" ? "" : "num"), { scope: "col" })));
    const top = document.createElement("thead");
    top.append(head);
    const body = document.createElement("tbody");
    const { number } = desk.formats;
    body.append(...points.map((point) => desk.tableRow(point.name, [pips(point.markout_pips),
      `${pips(point.low_pips)} .. ${pips(point.high_pips)}`, number(point.known),
      number(point.cancelled)].map((text) => [text, "num"]))));
    table.append(top, body);
    return table;
  };

  const legend = (cost) => {
    const list = desk.made("p", "", "curve-legend");
    const key = (name, text) => {
      const item = desk.made("span");
      item.append(desk.made("i", "", name), text);
      list.append(item);
    };
    key("key-line", "client's gain before costs, pips");
    key("key-band", "90 %");
    if (cost !== null) key("key-cost", `a round trip costs him ${desk.formats.number(cost, 2)}`);
    return list;
  };

  /* a figure of a curve: title, picture, legend, and the same as a table; `open` keeps what was opened */
  desk.curve = ({ key, title, points }, cost, open) => {
    const figure = desk.made("figure", "", "curve-box");
    figure.dataset.curve = key;
    const more = desk.made("details");
    more.open = open;
    const scroll = desk.made("div", "", "card-scroll");
    scroll.tabIndex = 0;
    scroll.append(tableOf(title, points));
    more.append(desk.made("summary", "The curve as a table"), scroll);
    const caption = desk.made("figcaption", title);
    caption.append(desk.made("small", "above the dashed line the client earns and the house pays"));
    figure.append(caption, picture(title, points, cost), legend(cost), more);
    return figure;
  };
}
