/* A line of numbers as a small SVG, without axes: its shape is the message. */
"use strict";
{
  const desk = (window.desk ??= {});
  const SVG = "http://www.w3.org/2000/svg";

  const path = (values, width, height) => {
    const known = values.filter((value) => value !== null);
    const flat = Math.max(...known) === Math.min(...known);
    const low = Math.min(...known) - (flat ? 0.5 : 0);
    const span = flat ? 1 : Math.max(...known) - low;
    const x = (k) => ((k / Math.max(1, values.length - 1)) * width).toFixed(1);
    const y = (value) => (height - 2 - ((value - low) / span) * (height - 4)).toFixed(1);
    let pen = "M";
    return values.map((value, k) => {
      if (value === null) {
        pen = "M";
        return "";
      }
      const part = `${pen}${x(k)} ${y(value)}`;
      pen = "L";
      return part;
    }).join("");
  };

  const svg = (width, height, ...children) => {
    const element = document.createElementNS(SVG, "svg");
    element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    element.setAttribute("preserveAspectRatio", "none");
    element.setAttribute("aria-hidden", "true");
    element.append(...children);
    return element;
  };

  const line = (d, name = "") => {
    const element = document.createElementNS(SVG, "path");
    element.setAttribute("d", d);
    if (name) element.setAttribute("class", name);
    return element;
  };

  /* for a cell: nothing before there are two points */
  desk.sparkline = (values) => {
    if (!values || values.length < 2) return [];
    const rising = values[values.length - 1] >= values[0];
    return [svg(70, 22, line(path(values, 70, 22), rising ? "up" : "down"))];
  };

  /* for a tile: the line and the area below it */
  desk.areaLine = (values) => {
    if (!values || values.length < 2) return [];
    const d = path(values, 200, 20);
    return [svg(200, 20, line(d), line(`${d}L200 20L0 20Z`))];
  };
}
