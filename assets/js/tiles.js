/* The strip of key figures: value, change over the last minute, micro-trend. */
"use strict";
{
  const desk = (window.desk ??= {});
  const MINUTE_SAMPLES = 12;
  let drawnTrend = "";

  const text = (tile, value) => {
    const { compact, number } = desk.formats;
    return tile.dataset.money === "true"
      ? compact(value, tile.dataset.signed === "true") : number(value);
  };

  const part = (name, value) => {
    const { compact, number, percent } = desk.formats;
    if (name === "coverage") return percent(value);
    if (name.startsWith("below") || name === "negative") return number(value);
    return compact(value, name.startsWith("house"));
  };

  const tone = (tile, value) => {
    const kind = tile.dataset.tone;
    if (kind === "profit") return value > 0 ? "is-profit" : value < 0 ? "is-loss" : "";
    return kind && value > 0 ? `is-${kind}` : "";
  };

  const delta = (tile, value, samples) => {
    if (!samples || samples.length < 2 || value === null) return "";
    const before = samples[Math.max(0, samples.length - 1 - MINUTE_SAMPLES)];
    const change = value - (before ?? value);
    if (Math.abs(change) < (tile.dataset.money === "true" ? 0.5 : 1)) return "";
    const { compact, number } = desk.formats;
    const size = tile.dataset.money === "true" ? compact(Math.abs(change)) : number(Math.abs(change));
    return `${change > 0 ? "▲" : "▼"} ${size}`;
  };

  const drawTile = (tile, redrawTrend) => {
    const { frame, figures } = desk.model;
    const key = desk.model.figure(tile.dataset.figure);
    const value = frame.figures[key];
    const element = tile.querySelector(".tile-value");
    element.textContent = text(tile, value);
    element.className = `tile-value ${tone(tile, value)}`;
    const change = delta(tile, value, figures[key]);
    tile.querySelector(".tile-delta").textContent = change;
    if (tile.dataset.money === "true") tile.querySelector(".tile-unit").textContent = frame.currency;
    for (const element of tile.querySelectorAll("[data-part]")) {
      element.textContent = part(element.dataset.part, frame.figures[element.dataset.part]);
    }
    if (redrawTrend) tile.querySelector(".tile-trend").replaceChildren(...desk.areaLine(figures[key]));
  };

  const draw = () => {
    const samples = desk.model.figures.gross_all;
    const trend = `${desk.choices.side}/${desk.choices.book}/${samples?.length}/${samples?.at(-1)}`;
    const redrawTrend = trend !== drawnTrend;
    drawnTrend = trend;
    for (const tile of document.querySelectorAll("#tiles .tile")) drawTile(tile, redrawTrend);
  };

  desk.tiles = { draw };
}
