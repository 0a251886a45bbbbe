/* The list of limits and the sign that some are reached, which shows whatever list is open. */
"use strict";
{
  const desk = (window.desk ??= {});
  let api = null;
  let keeper = null;
  let shownAlert = "";

  const count = (severity, text) => {
    const mark = document.createElement("i");
    mark.className = `mark kind-limit_${severity}`;
    const part = document.createElement("span");
    part.append(mark, text);
    return part;
  };

  const drawAlert = ({ soft, hard }) => {
    if (shownAlert === `${soft}/${hard}`) return;
    shownAlert = `${soft}/${hard}`;
    const button = document.getElementById("limits-alert");
    const parts = [];
    if (hard) parts.push(count("hard", `${hard} over`));
    if (soft) parts.push(count("soft", `${soft} near`));
    button.replaceChildren(...parts);
    button.hidden = parts.length === 0;
  };

  const draw = () => {
    const limits = desk.model.frame.limits;
    const { number } = desk.formats;
    drawAlert(limits);
    const listed = limits.columns.key.length;
    document.getElementById("limits-count").textContent =
      listed === limits.limits ? `${number(listed)} limits` : `most used ${listed} of ${number(limits.limits)}`;
    desk.setEmpty("limits", limits.limits === 0);
    if (!api || desk.choices.watch !== "limits") return;
    const names = Object.keys(limits.columns);
    keeper.sync(limits.columns.key.map((key, k) => {
      const row = { id: `${limits.columns.scope[k]}/${key}` };
      for (const name of names) row[name] = limits.columns[name][k];
      return row;
    }));
  };

  const start = async () => {
    const ready = await desk.gridApi("limits-grid");
    keeper = desk.rowKeeper(ready);
    api = ready;
    api.applyColumnState({ state: [{ colId: "used", sort: "desc" }] });
    desk.onRow(api, (row) => desk.exposure.openScope(row.scope, row.key));
  };

  desk.limits = { start, draw };
}
