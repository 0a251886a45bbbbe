/* The drawer: a trail of what was opened, told to Dash, whose callback asks the engine. While it is
   open it asks again every two seconds, but never before the last answer is there and only while figures are live. */
"use strict";
{
  const desk = (window.desk ??= {});
  const REFRESH_MS = 2_000;
  let trail = [];
  let asked = 0;
  let cameFrom = 0; // where a phone's page stood before the drawer opened below it

  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const titleOf = ({ name, client, login }) =>
    name ?? (client ? `Client ${client}` : `Account ${login}`);

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
    /* there is one drawer: it stands on the screen where something was opened */
    const place = document.querySelector(".screen:not([hidden]) [data-drawer]");
    if (open && place && panel.parentElement !== place) place.append(panel);
    if (open && panel.hidden) cameFrom = window.scrollY;
    const closes = !open && !panel.hidden;
    panel.hidden = !open;
    if (open) panel.scrollIntoView({ block: "nearest" });
    if (closes) window.scrollTo(0, cameFrom);
    panel.dataset.kind = trail.at(-1)?.kind ?? "";
    const before = document.getElementById("drill-before");
    before.hidden = trail.length < 2;
    before.textContent = trail.length < 2 ? "" : titleOf(trail.at(-2));
    document.querySelector(".crumbs .before-mark").hidden = before.hidden;
    announce(trail.at(-1));
    ask(trail.at(-1) ?? null);
  };

  /* from wide to narrow: what is opened stands behind what is wider */
  const width = ({ kind }) => ["symbol", "client", "login"].indexOf(kind);
  const open = (selection) => {
    const last = trail.at(-1);
    trail = [...trail.filter((wider) => width(wider) < width(selection)), selection];
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

  const openClient = (row) => {
    const logins = row.logins.split(", ");
    if (logins.length > 1) open({ kind: "client", client: row.client_id });
    else openLogin({ login: logins[0] });
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
    desk.onRow(clients, openClient);
    setInterval(refresh, REFRESH_MS);
  };

  desk.drill = { start, open, openLogin, back, close };
}
