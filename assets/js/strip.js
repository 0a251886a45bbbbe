/* The top strip and the status line: market, clocks, health, how fast and how fresh. */
"use strict";
{
  const desk = (window.desk ??= {});
  const WINDOW_MS = 4_000;
  const set = (id, text) => {
    const element = document.getElementById(id);
    if (element.textContent !== text) element.textContent = text;
  };
  let heard = [];

  const drawHealth = (components) => {
    const list = document.getElementById("shell-health");
    if (list.childElementCount !== components.length) {
      list.replaceChildren(...components.map(() => {
        const item = document.createElement("li");
        item.append(Object.assign(document.createElement("i"), { className: "dot" }),
                    document.createElement("b"),
                    Object.assign(document.createElement("span"), { className: "detail" }));
        return item;
      }));
    }
    components.forEach((component, k) => {
      const item = list.children[k];
      item.dataset.state = component.state;
      item.title = `${component.name}: ${component.state.toLowerCase()}. ${component.detail}`;
      item.querySelector("b").textContent = component.name;
      const calm = component.state === "RUNNING" || component.state === "READY";
      item.querySelector(".detail").textContent =
        calm ? desk.formats.age(component.age_ms) : component.state.toLowerCase();
    });
  };

  const draw = (frame) => {
    const { strip } = frame;
    const market = document.getElementById("shell-market");
    const speed = strip.speed === 1 ? "" : ` ${desk.formats.number(strip.speed)}×`;
    set("shell-market", `${strip.market}${speed}`);
    market.toggleAttribute("data-known", strip.recorded);
    set("shell-clock", strip.clock);
    set("shell-utc", strip.utc);
    const clocks = document.querySelector(".clocks");
    clocks.title = `${strip.day}. ${clocks.dataset.rule}`;
    drawHealth(strip.components);
  };

  const count = () => {
    const now = performance.now();
    heard = [...heard.filter((at) => now - at < WINDOW_MS), now];
  };

  const drawRates = (renderMs) => {
    const now = performance.now();
    const { number, age } = desk.formats;
    const rate = heard.filter((at) => now - at < WINDOW_MS).length / (WINDOW_MS / 1000);
    const strip = desk.model.frame?.strip;
    const market = strip ? `${number(strip.quotes_per_s)} quotes/s · ${number(strip.deals_per_s, 1)} deals/s · ` : "";
    set("shell-rates", `${market}${rate.toFixed(1)} upd/s`);
    set("shell-age", desk.model.frame ? `${age(desk.age())} old` : "no data yet");
    set("shell-render", `render ${renderMs.toFixed(1)} ms`);
  };

  desk.strip = { draw, count, drawRates };
}
