/* The profit chart: points are appended, never redrawn; a new browser gets the ring at once. */
"use strict";
{
  const desk = (window.desk ??= {});
  const POINTS = 600;
  const LINES = [0, 1, 2];
  const COLORS = ["--accent", "--muted", "--text"];
  let plot = null;
  let waiting = [];
  let last = null;

  const series = (points) => ({
    x: LINES.map(() => points.map((point) => new Date(point[0]))),
    y: LINES.map((k) => points.map((point) => point[k + 1])),
  });

  const paint = () => {
    if (!plot) return;
    const color = desk.appearance.color;
    const axis = { gridcolor: color("--line"), linecolor: color("--line"), zerolinecolor: color("--muted"),
                   tickfont: { color: color("--muted"), size: 10.5, family: "Inter" } };
    const paintAxis = (name) => Object.fromEntries(
      Object.entries(axis).map(([key, value]) => [`${name}.${key}`, value]));
    window.Plotly.update(plot, { "line.color": COLORS.map(color) }, {
      ...paintAxis("xaxis"), ...paintAxis("yaxis"),
      "font.family": "Inter", "hoverlabel.bgcolor": color("--raised"),
      "hoverlabel.font.color": color("--text"), "hoverlabel.bordercolor": color("--line"),
    }, LINES);
  };

  const legend = () => {
    const values = document.querySelectorAll(".legend-item b");
    LINES.forEach((k) => { values[k].textContent = desk.formats.compact(last[k + 1], true); });
  };

  const reset = (points) => {
    waiting = [];
    last = points.at(-1) ?? null;
    if (!plot) {
      waiting = points;
      return;
    }
    window.Plotly.restyle(plot, series(points), LINES);
  };

  const append = (repeated) => {
    const points = repeated.filter((point) => !last || point[0] > last[0]);
    if (!points.length) return;
    last = points.at(-1);
    if (!plot) {
      waiting.push(...points);
      return;
    }
    window.Plotly.extendTraces(plot, series(points), LINES, POINTS);
  };

  const draw = (frame) => {
    if (frame.type === "full") reset(frame.points);
    else append(frame.points);
    if (last) legend();
    const speed = frame.strip.speed;
    const text = speed === 1 ? "last 10 min" : `last 10 min at ${speed}× market time`;
    document.getElementById("pnl-note").textContent = text;
  };

  const start = async () => {
    const graph = () => document.querySelector("#pnl-chart .js-plotly-plot");
    await desk.until(() => window.Plotly && graph()?._fullLayout);
    plot = graph();
    paint();
    const points = waiting;
    if (points.length) reset(points);
  };

  desk.pnl = { start, draw, paint };
}
