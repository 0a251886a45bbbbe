/* The system screen, and the small signs of trouble in the strip. */
"use strict";
{
  const desk = (window.desk ??= {});
  const BREAKS_KEPT = 100;
  let breaks = [];

  const cell = (text, className = "") => {
    const made = document.createElement("td");
    made.className = className;
    made.textContent = text;
    return made;
  };
  const line = (...cells) => {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  };

  const stateCell = (state) => {
    const made = cell("");
    const box = document.createElement("span");
    box.className = "state";
    box.dataset.state = state;
    const dot = document.createElement("i");
    dot.className = "dot";
    box.append(dot, state.toLowerCase());
    made.append(box);
    return made;
  };

  const drawTables = (frame) => {
    const { number, age } = desk.formats;
    const fill = (id, lines) => document.getElementById(id).replaceChildren(...lines);
    const { components } = frame.strip;
    fill("system-components", components.map((c) =>
      line(cell(c.name), stateCell(c.state), cell(age(c.age_ms), "num"), cell(c.detail))));
    fill("system-counters", Object.entries(frame.counters).map(([name, count]) =>
      line(cell(name.replaceAll("_", " ")), cell(number(count), "num"))));
    fill("system-breaks", [...breaks].reverse().map((b) => line(cell(b.time), cell(b.kind),
      cell(b.login), cell(b.deal), cell(b.symbol), cell(b.reason))));
    fill("system-break-kinds", frame.break_kinds.map(([kind, count]) => {
      const item = document.createElement("li");
      const figure = document.createElement("b");
      figure.textContent = number(count);
      item.append(figure, ` ${kind.replaceAll("_", " ")}`);
      return item;
    }));
    desk.setEmpty("components", components.length === 0);
    desk.setEmpty("breaks", breaks.length === 0);
  };

  const draw = (frame) => {
    if (frame.type === "full") breaks = [];
    const known = new Set(breaks.map((b) => b.id));
    breaks = [...breaks, ...frame.breaks.filter((b) => !known.has(b.id))].slice(-BREAKS_KEPT);
    const { number } = desk.formats;
    document.getElementById("system-break-count").textContent = breaks.length === 0 ? ""
      : `${number(frame.counters.quarantined ?? 0)} quarantined, the newest ${breaks.length} listed`;
    for (const button of document.querySelectorAll('[data-action="screen:system"]')) {
      button.toggleAttribute("data-alert", breaks.length > 0);
    }
    if (desk.choices.screen === "system") drawTables(frame);
  };

  desk.system = { draw };
}
