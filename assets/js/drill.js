/* The drawer: a trail of what was opened, told to Dash, whose callback asks the engine. While it is
   open it asks again every two seconds, but never before the last answer is there and only while figures are live. */
"use strict";
{
  const desk = (window.desk ??= {});
  const REFRESH_MS = 2_000;
  let trail = [];
  let asked = 0;

  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const titleOf = (selection) => selection.name ?? `Account ${selection.login}`;

  const ask = (selection) =>
    props("drill-selection", { data: selection && { ...selection, asked: asked++ } });

  /* nothing of the last selection may stand under the name of the next one */
  const announce = (selection) => {
    props("drill-title", { children: selection ? titleOf(selection) : "" });
    props("drill-summary", { children: selection ? "Asking the engine" : "" });
    props("drill-terms", { children: "" });
    for (const list of ["positions", "clients", "providers"]) props(`drill-${list}`, { rowData: [] });
  };

  const refresh = () => {
    const waiting = document.querySelector("#drill-summary[data-dash-is-loading]");
    if (trail.length > 0 && !waiting && desk.isLive()) ask(trail.at(-1));
  };

  const show = () => {
    const panel = document.getElementById("drill-panel");
    const open = trail.length > 0;
    panel.hidden = !open;
    panel.dataset.kind = trail.at(-1)?.kind ?? "";
    const before = document.getElementById("drill-before");
    before.hidden = trail.length < 2;
    before.textContent = trail.length < 2 ? "" : titleOf(trail.at(-2));
    document.querySelector(".crumbs .before-mark").hidden = before.hidden;
    announce(trail.at(-1));
    ask(trail.at(-1) ?? null);
  };

  const open = (selection) => {
    const last = trail.at(-1);
    if (selection.kind === "symbol") trail = [selection];
    else if (last?.kind === "login") trail = [...trail.slice(0, -1), selection];
    else trail = [...trail, selection];
    if (selection.kind !== last?.kind) props("drill-tabs", { value: "positions" });
    show();
  };

  const back = () => {
    if (trail.length === 0) return;
    trail = trail.slice(0, -1);
    show();
  };

  const close = () => {
    trail = [];
    show();
  };

  const openLogin = (row) => row.login && open({ kind: "login", login: String(row.login) });

  /* a click, or Enter on a focused cell */
  desk.onRow = (api, act) => {
    api.addEventListener("cellClicked", (event) => event.node.rowPinned || act(event.data));
    api.addEventListener("cellKeyDown", (event) => {
      if (event.event.key === "Enter" && !event.node.rowPinned) act(event.data);
    });
  };

  const start = async () => {
    const [positions, clients, providers] = await Promise.all(
      ["positions", "clients", "providers"].map((list) => desk.gridApi(`drill-${list}`)));
    desk.onRow(positions, openLogin);
    for (const api of [positions, providers]) {
      api.setGridOption("rowClassRules", { "row-stale": (params) => params.data?.stale });
    }
    desk.onRow(clients, (row) => openLogin({ login: row.logins.split(", ")[0] }));
    setInterval(refresh, REFRESH_MS);
  };

  desk.drill = { start, open, openLogin, back, close };
}
