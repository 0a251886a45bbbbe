/* The stream of alerts, newest on top. Ids make a repeated one harmless; the list has an end. */
"use strict";
{
  const desk = (window.desk ??= {});
  const KEPT = 200;
  const known = new Set();

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const item = (crossing, fresh) => {
    const line = element("li", fresh ? "fresh" : "");
    line.dataset.id = crossing.id;
    const what = element("span", "what");
    const subject = element("button", "", crossing.subject);
    subject.type = "button";
    Object.assign(subject.dataset, crossing.opens);
    what.append(element("b", `kind-${crossing.kind}`, crossing.label), " ", subject);
    const level = crossing.level === null ? "" : `${desk.formats.number(crossing.level, 1)} %`;
    line.append(element("time", "", crossing.time), element("i", `mark kind-${crossing.kind}`), what,
                element("span", "level", level), element("span", "todo", crossing.action));
    return line;
  };

  const draw = (frame) => {
    const list = document.getElementById("crossings-list");
    if (frame.type === "full") {
      list.replaceChildren();
      known.clear();
    }
    for (const crossing of frame.crossings) {
      if (known.has(crossing.id)) continue; // frames put together during a pause may repeat one
      known.add(crossing.id);
      list.prepend(item(crossing, frame.type === "tick"));
    }
    while (list.childElementCount > KEPT) {
      known.delete(list.lastElementChild.dataset.id);
      list.lastElementChild.remove();
    }
    const { margin_calls: calls, stop_outs: stops, breaches } = frame.figures;
    const { number } = desk.formats;
    document.getElementById("crossings-count").textContent =
      `today: ${number(calls)} margin calls, ${number(stops)} stop-outs, ${number(breaches)} limits`;
    desk.setEmpty("crossings", list.childElementCount === 0);
  };

  const start = () => {
    document.getElementById("crossings-list").addEventListener("click", (event) => {
      const { scope, key } = event.target.dataset;
      if (scope === "login") desk.drill.openLogin({ login: key });
      else if (scope) desk.exposure.openScope(scope, key);
    });
  };

  desk.crossings = { start, draw };
}
