/* The exposure grid: rows of the chosen view, the pinned total, columns as each person likes them,
   and the export. */
"use strict";
{
  const desk = (window.desk ??= {});
  let api = null;
  let keeper = null;
  let shownView = null;
  let shownHeader = "";
  let restoring = false;

  const definitions = () => api.getColumns().map((column) => column.getColDef());
  const belongs = (definition) => definition.context.views.includes(desk.choices.view);

  const firstState = () => definitions().map((definition) => ({
    colId: definition.field,
    hide: !(belongs(definition) && definition.context.shown),
    width: definition.width,
    sort: definition.field === "net_value" ? "desc" : null,
  }));

  const restoreColumns = () => {
    const saved = desk.preferences.get(`columns.${desk.choices.view}`, null);
    const known = new Set(definitions().map((definition) => definition.field));
    const state = saved?.filter((column) => known.has(column.colId)) ?? firstState();
    restoring = true;
    api.applyColumnState({ state, applyOrder: true, defaultState: { hide: true } });
    restoring = false;
  };

  const saveColumns = (event) => {
    if (restoring || event.finished === false || event.source === "api") return;
    desk.preferences.set(`columns.${desk.choices.view}`, api.getColumnState());
  };

  /* two headers say whose side their figures are on */
  desk.headerOf = ({ field, headerName }) => {
    const whose = desk.choices.view === "currency" || desk.choices.side === "house" ? "House" : "Client";
    if (field === "net_value") return `${whose} net ${desk.model.frame?.currency ?? ""}`;
    return field === "floating" && headerName === "P&L" ? `${whose} P&L` : headerName;
  };

  const setHeader = () => {
    const header = desk.headerOf({ field: "net_value" });
    if (header === shownHeader) return;
    shownHeader = header;
    api.refreshHeader();
  };

  const rescale = (rows) => {
    const largest = (field) => desk.roundUp(Math.max(...rows.map((row) => Math.abs(row[field] ?? 0)), 0));
    const context = api.getGridOption("context");
    const scales = { netScale: largest("net_value"), heatScale: largest("floating") };
    if (context.netScale === scales.netScale && context.heatScale === scales.heatScale) return;
    Object.assign(context, scales);
    api.refreshCells({ columns: ["net_value", "floating"], force: true, suppressFlash: true });
  };

  const setTotal = (row) => {
    const node = api.getPinnedBottomRow(0);
    if (node) node.setData(row);
    else api.setGridOption("pinnedBottomRowData", [row]);
  };

  const NAMED = 4;
  const unpricedNames = () => {
    const { unpriced } = desk.model.frame.views.symbol;
    const names = desk.model.definitions.symbol.names.filter((_, k) => unpriced[k] > 0);
    const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    return names.slice(0, NAMED).join(", ") + rest;
  };

  const setNote = () => {
    const note = document.getElementById("exposure-note");
    const { view, book, side } = desk.choices;
    const texts = [];
    if (view === "currency") {
      texts.push("House side, all books. USD equivalents add up to zero but for the quoted triangles.");
    } else if (book === "c") {
      texts.push("Open profit of book C is split between A and B by hedge ratio.");
    } else if (book === "a" && side === "house") {
      texts.push("Provider positions count in book A.");
    }
    const unpriced = desk.model.frame.views.total.unpriced[0];
    if (unpriced) texts.push(`${unpriced} positions have no price and are in no sum: ${unpricedNames()}.`);
    note.textContent = texts.join(" ");
    note.hidden = texts.length === 0;
  };

  const draw = () => {
    if (!api) return;
    if (shownView !== desk.choices.view) {
      shownView = desk.choices.view;
      document.getElementById("exposure-class").hidden = shownView === "currency";
      restoreColumns();
    }
    const rows = desk.model.rows();
    setHeader();
    rescale(rows);
    keeper.sync(rows);
    setTotal(desk.model.total());
    setNote();
    const all = desk.model.definitions[shownView].names.length;
    const shown = rows.length === all ? `${all} rows` : `${rows.length} of ${all} rows`;
    document.getElementById("exposure-count").textContent = shown;
    desk.setEmpty("exposure", all === 0);
  };

  const OPENED = 20; // symbols of one row that the drawer asks for
  const membersOf = (name) => {
    const { names, members } = desk.model.definitions.underlying;
    return members[names.indexOf(name)] ?? [name];
  };

  /* what a limit or a row stands for: a class or currency narrows the grid, the rest opens the drawer */
  const openScope = (scope, key, members) => {
    const props = (id, values) => window.dash_clientside.set_props(id, values);
    if (scope === "asset_class" || scope === "currency") {
      props(scope === "currency" ? "exposure-search" : "exposure-class", { value: key });
      props("exposure-view", { value: "underlying" });
    } else if (scope === "client") {
      desk.drill.open({ kind: "client", client: key });
    } else {
      const symbols = members ?? (scope === "underlying" ? membersOf(key) : [key]);
      desk.drill.open({ kind: "symbol", name: key, symbols: symbols.slice(0, OPENED) });
    }
  };

  const open = (row) => {
    const scope = { class: "asset_class", currency: "currency" }[desk.choices.view] ?? "underlying";
    openScope(scope, row.key, row.members);
  };

  const start = async () => {
    const ready = await desk.gridApi("exposure-grid");
    Object.assign(ready.getGridOption("context"), { netScale: 1, heatScale: 1 });
    keeper = desk.rowKeeper(ready);
    api = ready;
    api.setGridOption("rowClassRules", { "row-stale": (params) => params.data?.stale });
    desk.onRow(api, open);
    for (const event of ["columnVisible", "columnMoved", "columnResized", "sortChanged"]) {
      api.addEventListener(event, saveColumns);
    }
    desk.redraw();
  };

  const sortBy = (field) => {
    if (!api) return;
    const column = api.getColumnState().find((state) => state.colId === field);
    const sort = column.sort === "desc" ? "asc" : "desc";
    api.applyColumnState({ state: [{ colId: field, sort, hide: false }], defaultState: { sort: null } });
    desk.preferences.set(`columns.${desk.choices.view}`, api.getColumnState());
  };

  const listColumns = () => {
    if (!api) return;
    const boxes = definitions().filter((d) => belongs(d) && !d.lockVisible).map((definition) => {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = api.getColumn(definition.field).isVisible();
      box.onchange = () => {
        api.setColumnsVisible([definition.field], box.checked);
        desk.preferences.set(`columns.${desk.choices.view}`, api.getColumnState());
      };
      const label = document.createElement("label");
      label.title = definition.headerTooltip;
      label.append(box, desk.headerOf(definition));
      return label;
    });
    const list = document.getElementById("exposure-column-list");
    if (list) list.replaceChildren(...boxes);
  };

  /* a spreadsheet must not run what a client called himself */
  const neutral = ({ value }) =>
    typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value ?? "";

  const exportCsv = () => api?.exportDataAsCsv({
    fileName: `exposure-${desk.choices.view}-${desk.choices.side}.csv`,
    columnKeys: api.getAllDisplayedColumns().map((c) => c.getColId()).filter((id) => id !== "trend"),
    processCellCallback: neutral,
  });

  desk.exposure = { start, draw, openScope, sortBy, listColumns, exportCsv, neutral };
}
