/* Brings a grid to a list of rows through its own API: adds, updates and removes by id. */
"use strict";
{
  const desk = (window.desk ??= {});

  desk.rowKeeper = (api) => {
    let shown = new Map();

    const sync = (rows) => {
      const next = new Map(rows.map((row) => [row.id, row]));
      const add = [];
      const update = [];
      for (const row of rows) (shown.has(row.id) ? update : add).push(row);
      const remove = [...shown.values()].filter((row) => !next.has(row.id));
      shown = next;
      if (add.length || update.length || remove.length) {
        api.applyTransactionAsync({ add, update, remove });
      }
    };

    return { sync, get size() { return shown.size; } };
  };

  desk.gridApi = async (id) => {
    await desk.until(() => window.dash_ag_grid);
    return window.dash_ag_grid.getApiAsync(id);
  };

  /* 1, 2 or 5 times a power of ten: bars keep their length while figures only breathe */
  desk.roundUp = (value) => {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((step) => step * power >= value) * power;
  };

  desk.setEmpty = (panel, empty) =>
    document.querySelector(`.panel-${panel}`).classList.toggle("is-empty", empty);
}
