/* The drawer: a trail of what was opened, told to Dash, whose callback asks the engine. */
"use strict";
{
  const desk = (window.desk ??= {});
  let trail = [];

  const titleOf = (selection) => selection.name ?? `Account ${selection.login}`;

  const show = () => {
    const panel = document.getElementById("drill-panel");
    const open = trail.length > 0;
    panel.hidden = !open;
    const before = document.getElementById("drill-before");
    before.hidden = trail.length < 2;
    before.textContent = trail.length < 2 ? "" : titleOf(trail[trail.length - 2]);
    window.dash_clientside.set_props("drill-selection", { data: open ? trail[trail.length - 1] : null });
  };

  const open = (selection) => {
    const last = trail[trail.length - 1];
    if (selection.kind === "symbol") trail = [selection];
    else if (last?.kind === "login") trail = [...trail.slice(0, -1), selection];
    else trail = [...trail, selection];
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
    desk.onRow(await desk.gridApi("drill-positions"), openLogin);
    const clients = await desk.gridApi("drill-clients");
    desk.onRow(clients, (row) => openLogin({ login: row.logins.split(", ")[0] }));
  };

  desk.drill = { start, open, openLogin, back, close };
}
