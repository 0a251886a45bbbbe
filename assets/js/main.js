/* Where the scripts meet: hears frames, keeps what must not be lost while nobody looks, draws. The
   first figures show as soon as the page stands; grids and chart join when they are ready. */
"use strict";
{
  const desk = (window.desk ??= {});
  const CUMULATIVE = ["crossings", "breaks", "points"];
  const KEPT = { crossings: 200, breaks: 100, points: 600 };
  let newest = null;      // the newest message that carried figures, drawn or not
  let newestAt = 0;
  let drawnAt = 0;
  let drawnAge = 0;
  let pending = null;     // what has come since the last drawing
  let renderMs = 0;
  let line = { open: false, retryAt: 0 };

  desk.paused = false;
  desk.until = async (ready) => {
    while (!ready()) await new Promise((resolve) => { setTimeout(resolve, 30); });
  };
  /* how old the drawn figures are, and the newest heard ones */
  desk.age = () => drawnAge + performance.now() - drawnAt;
  desk.newest = () => newest;
  desk.newestAge = () => (newest ? newest.age_ms + performance.now() - newestAt : Infinity);

  /* one message instead of two: the later figures, the cumulative parts of both */
  const merge = (earlier, later) => {
    if (!earlier || later.type === "full") return later;
    const merged = { ...later, type: earlier.type };
    for (const name of CUMULATIVE) {
      merged[name] = [...earlier[name], ...later[name]].slice(-KEPT[name]);
    }
    if (earlier.type === "full") {
      Object.assign(merged, { definitions: earlier.definitions, trends: earlier.trends });
    }
    return merged;
  };

  const drawAll = (frame) => {
    const begun = performance.now();
    desk.strip.draw(frame);
    desk.tiles.draw(frame);
    desk.exposure.draw();
    desk.watch.draw();
    desk.pnl.draw(frame);
    desk.crossings.draw(frame);
    desk.system.draw(frame);
    desk.risk.draw();
    renderMs = 0.8 * renderMs + 0.2 * (performance.now() - begun);
  };

  const flush = () => {
    if (!pending || document.hidden || desk.paused) return;
    const frame = pending;
    pending = null;
    desk.model.accept(frame);
    drawnAt = newestAt;
    drawnAge = newest.age_ms;
    drawAll(frame);
  };

  const hear = (message) => {
    if (message.type === "silence") {
      if (newest && message.age_ms !== null) {
        newest.age_ms = message.age_ms;
        newestAt = performance.now();
      }
      return;
    }
    newest = message;
    newestAt = performance.now();
    desk.strip.count();
    pending = merge(pending, message);
    flush();
    desk.freshness.draw(line);
  };

  /* draw again what is known: a switch was turned */
  desk.redraw = () => {
    if (!desk.model.frame) return;
    desk.exposure.draw();
    desk.watch.draw();
    desk.tiles.draw();
    desk.system.draw({ ...desk.model.frame, type: "tick", breaks: [] });
    desk.risk.draw();
  };

  desk.pause = () => {
    desk.paused = !desk.paused;
    flush();
    desk.freshness.draw(line);
  };

  const choose = (name) => (value) => {
    desk.choices[name] = value ?? "";
    desk.redraw();
    return window.dash_clientside.no_update;
  };

  const start = async () => {
    desk.appearance.restore();
    await desk.until(() => document.getElementById("shell-choices"));
    line = desk.connect(hear);
    setInterval(() => {
      desk.freshness.draw(line);
      desk.strip.drawRates(renderMs);
    }, 250);
    document.addEventListener("visibilitychange", flush);
    desk.actions.listen();
    desk.appearance.apply();
    desk.crossings.start();
    desk.actions.showAddressed();
    const panels = [desk.exposure, desk.watch, desk.drill, desk.pnl, desk.revenue, desk.risk,
      desk.accounts, desk.clients, desk.hedging, desk.office, desk.alerts];
    await Promise.all(panels.map((panel) => panel.start()));
  };

  window.dash_clientside ??= {};
  window.dash_clientside.desk = Object.fromEntries(
    ["view", "class", "search", "book", "side", "watch"].map((name) => [name, choose(name)]));
  document.addEventListener("DOMContentLoaded", () => { desk.started = start(); });
}
