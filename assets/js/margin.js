/* The margin list and the counts of accounts per band. */
"use strict";
{
  const desk = (window.desk ??= {});
  let api = null;
  let keeper = null;

  const drawBands = (counts) => {
    const bands = document.querySelectorAll("#margin-bands .band");
    bands.forEach((band, k) => {
      band.style.flexGrow = Math.sqrt(counts[k]);
      band.textContent = desk.formats.number(counts[k]);
      band.hidden = counts[k] === 0;
    });
  };

  const draw = () => {
    const margin = desk.model.frame.margin;
    drawBands(margin.bands);
    const count = `worst ${margin.columns.login.length} of ${desk.formats.number(margin.with_margin)}`;
    document.getElementById("margin-count").textContent = count;
    desk.setEmpty("margin", margin.with_margin === 0);
    if (!api) return;
    const names = Object.keys(margin.columns);
    keeper.sync(margin.columns.login.map((login, k) => {
      const row = { id: login };
      for (const name of names) row[name] = margin.columns[name][k];
      return row;
    }));
  };

  const start = async () => {
    const ready = await desk.gridApi("margin-grid");
    keeper = desk.rowKeeper(ready);
    api = ready;
    api.applyColumnState({ state: [{ colId: "margin_level", sort: "asc" }] });
    desk.onRow(api, desk.drill.openLogin);
  };

  desk.margin = { start, draw };
}
