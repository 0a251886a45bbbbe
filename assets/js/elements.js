/* Elements made by scripts: text is always text, never markup. */
"use strict";
{
  const desk = (window.desk ??= {});
  const SVG = "http://www.w3.org/2000/svg";

  desk.element = (id) => document.getElementById(id);

  desk.made = (tag, text = "", className = "") =>
    Object.assign(document.createElement(tag), { textContent: text, className });

  desk.drawn = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  /* a button whose click is its own, unlike those of the page, which name an action */
  desk.button = (text, title, act) => {
    const button = Object.assign(desk.made("button", text, "text-button"), { type: "button", title });
    button.addEventListener("click", act);
    return button;
  };

  /* a row of a table: its first cell is its head; a cell is a text, an element or [text, class] */
  desk.tableRow = (head, cells, className = "") => {
    const row = desk.made("tr", "", className);
    const first = desk.made("th", head);
    first.scope = "row";
    row.append(first, ...cells.map((cell) => {
      if (cell instanceof Node) {
        const box = desk.made("td");
        box.append(cell);
        return box;
      }
      const [text, name] = Array.isArray(cell) ? cell : [cell, ""];
      return desk.made("td", text, name);
    }));
    return row;
  };

  desk.utc = (ms) => (ms === null || ms === undefined ? "–"
    : new Date(ms).toISOString().slice(0, 19).replace("T", " "));
}
