/* Questions whose answers are computed from the engine's book: one kind at a time, an answer to an
   older question is dropped, and every result has an age that is written beside it. */
"use strict";
{
  const desk = (window.desk ??= {});
  const GIVE_UP_MS = 30_000;

  /* name: the stores `${name}-ask` and `${name}-answer`; every: ms after which it asks by itself */
  desk.asker = ({ name, screen, question, draw, every = null }) => {
    let asked = 0;
    let askedAt = -Infinity;
    let answered = 0;
    let answeredAt = -Infinity;
    let shown = null;
    let shownAt = 0;

    const waits = () => asked > answered && performance.now() - askedAt < GIVE_UP_MS;
    const isLookedAt = () => desk.choices.screen === screen && !document.hidden
      && document.body.dataset.freshness !== "disconnected";

    const ask = () => {
      asked += 1;
      askedAt = performance.now();
      window.dash_clientside.set_props(`${name}-ask`, { data: { ...question(), asked } });
    };

    const refresh = () => {
      if (every === null || !isLookedAt() || desk.paused || waits()) return;
      if (performance.now() - answeredAt >= every) ask();
    };

    const hear = (answer) => {
      if (answer && answer.asked >= asked) {
        answered = answer.asked;
        answeredAt = performance.now();
        if (answer.state === "shown") {
          shown = answer;
          shownAt = answeredAt;
        } else if (answer.state === "refused") {
          shown = null;
        }
        draw(answer);
      }
      return window.dash_clientside.no_update;
    };

    const age = () => (shown ? shown.made.age_ms + performance.now() - shownAt : null);

    const told = (briefly = false) => {
      if (!shown) return waits() ? "computing" : "";
      const { number } = desk.formats;
      const { as_of: clock, copied_ms: copied, computed_ms: computed } = shown.made;
      const moment = `book of ${clock}, ${desk.formats.age(Math.max(1000, age()))} old`;
      return briefly ? `${moment}, took ${number(computed)} ms`
        : `${moment} · copied in ${number(copied, 1)} ms · computed in ${number(computed)} ms`;
    };

    return { ask, refresh, hear, age, told, waits, get shown() { return shown; } };
  };

  /* a table as a file: every figure whole, nothing that a spreadsheet would run */
  desk.saveCsv = (name, fields, rows) => {
    const quoted = (value) => {
      const text = String(desk.exposure.neutral({ value: typeof value === "number" ? value : value ?? "" }));
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [fields.join(","), ...rows.map((row) => fields.map((f) => quoted(row[f])).join(","))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
}
