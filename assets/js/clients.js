/* The clients screen: counts, the list by whatever is asked for, and the card of the client that was
   opened. List and card ask again by themselves while they are looked at. */
"use strict";
{
  const desk = (window.desk ??= {});
  const LIST_EVERY_MS = 3_000;
  const CARD_EVERY_MS = 5_000;
  const SETTLE_MS = 180; // while somebody types
  const OLD_MS = 15_000;
  const COLUMN_OF = { score: ["score", "desc"], edge: ["edge", "desc"], evidence: ["e_value", "desc"],
    money: ["kept_usd", "asc"], drift: ["drift", "desc"], trades: ["trades", "desc"] };
  const chosen = { sort: "score", only: "scored", book: "", search: "" };
  let client = ""; // whose card is open
  let group = []; // who was chosen as one
  let askers = null; // made when all scripts are there
  let api = null;
  let keeper = null;
  let settling = null;
  let sorted = "";

  const element = (id) => document.getElementById(id);
  const screen = () => document.querySelector("[data-screen='clients']");

  const drawTile = (key, text, below, warns) => {
    const place = document.querySelector(`[data-clients='${key}']`);
    const figure = place.querySelector(".tile-value");
    figure.textContent = text;
    figure.className = `tile-value ${warns && place.dataset.tone ? `is-${place.dataset.tone}` : ""}`;
    place.querySelector(".tile-parts").textContent = below;
  };

  const drawTiles = (counted) => {
    const { number, percent } = desk.formats;
    for (const [key, count] of Object.entries({ clients: counted.clients, scored: counted.scored,
      watched: counted.watched, toxic: counted.toxic, alarmed: counted.alarmed,
      to_move: counted.to_move, drifting: counted.drifting })) {
      const ofAll = key === "scored" || key === "to_move"; // a size is enough to be moved for
      const whole = ofAll ? counted.clients : counted.scored;
      const of = ofAll ? "of all" : "of the scored";
      const below = key === "clients" || whole === 0 ? "" : `${percent(count / whole, 1)} ${of}`;
      drawTile(key, number(count), below, count > 0);
    }
  };

  /* the tile of what waits belongs to the moves, which know it */
  const drawWaiting = (count) => drawTile("waiting", desk.formats.number(count), "for a second person", count > 0);

  const countOf = ({ rows, matching }) => {
    const { number } = desk.formats;
    const listed = rows.length < matching ? `the first ${number(rows.length)} of ` : "";
    return `${listed}${number(matching)} ${matching === 1 ? "client" : "clients"}`;
  };

  const drawList = (answer) => {
    element("clients-count").textContent = countOf(answer);
    element("clients-empty").textContent = answer.empty;
    desk.setEmpty("clients", answer.rows.length === 0);
    if (!api) return;
    if (sorted !== chosen.sort) {
      const [colId, sort] = COLUMN_OF[chosen.sort];
      api.applyColumnState({ state: [{ colId, sort }], defaultState: { sort: null } });
      sorted = chosen.sort;
    }
    keeper.sync(answer.rows);
  };

  const say = (note, state) => {
    const place = element("clients-note");
    place.hidden = !note;
    if (place.textContent !== note) place.textContent = note;
    place.dataset.state = state;
  };

  const draw = (answer) => {
    if (answer.state !== "shown") {
      const last = askers.list.shown ? " The list is the last that came." : "";
      say(answer.note + last, answer.state);
      if (!askers.list.shown) element("clients-empty").textContent = answer.note;
      return;
    }
    say("", "shown");
    drawTiles(answer.counted);
    drawList(answer);
  };

  const drawCard = (answer) => {
    if (answer.client_id !== client) return;
    element("card-note").dataset.state = answer.state;
    if (answer.state === "shown") {
      desk.card.draw(answer);
      desk.moveForm.offer(client, answer.suggested, answer.suggested_ratio);
    } else if (answer.state === "refused" || !askers.card.shown) {
      desk.card.empty(`Client ${client}`, answer.note);
    }
    drawAges();
  };

  const ago = (asker) => `${desk.formats.age(Math.max(1000, asker.age()))} ago`;

  const listAge = () => {
    const { shown } = askers.list;
    if (!shown) return askers.list.waits() ? "asking the engine" : "";
    const { as_of: clock, ranked_behind_ms: behind } = shown.made;
    const ranked = behind === null ? "not ranked yet" : `ranked ${desk.formats.age(behind)} of market time before`;
    return clock ? `flow of ${clock}, ${ranked}, asked ${ago(askers.list)}` : `asked ${ago(askers.list)}`;
  };

  const drawAges = () => {
    if (!askers || desk.choices.screen !== "clients") return;
    const isOld = (asker) => asker.age() !== null && asker.age() > OLD_MS;
    screen().toggleAttribute("data-stale", isOld(askers.list));
    element("clients-state").textContent = `${isOld(askers.list) ? "▲ " : ""}${listAge()}`;
    const { shown } = askers.card;
    const old = client !== "" && shown?.client_id === client && isOld(askers.card);
    document.querySelector(".panel-card").toggleAttribute("data-old", old);
    element("card-note").textContent = !client ? "" : shown?.client_id === client
      ? `${old ? "▲ " : ""}asked ${ago(askers.card)}` : askers.card.waits() ? "asking the engine" : "";
  };

  const refresh = () => {
    askers.list.refresh();
    if (client) askers.card.refresh();
    drawAges();
  };

  const askSoon = () => {
    clearTimeout(settling);
    settling = setTimeout(() => askers?.list.ask(), SETTLE_MS);
  };

  const askNow = () => {
    askers.list.ask();
    if (client) askers.card.ask();
  };

  const choose = (name, otherwise) => (given) => {
    const wanted = (given ?? otherwise) === "all" && name === "book" ? "" : given ?? otherwise;
    if (wanted !== chosen[name]) {
      chosen[name] = wanted;
      if (desk.choices.screen === "clients") askSoon();
    }
    return window.dash_clientside.no_update;
  };

  const open = (row) => {
    if (!row.client_id) return;
    group = [];
    if (row.client_id !== client) {
      client = row.client_id;
      desk.card.empty(`Client ${client}`, "Asking the engine.");
      desk.moveForm.about(whom());
    }
    askers.card.ask();
    drawAges();
    if (window.matchMedia("(max-width: 800px)").matches) {
      document.querySelector(".panel-card").scrollIntoView({ block: "start" });
    }
  };

  /* whom a move is of: those that are ticked, else a group, else the one whose card is open */
  const whom = () => {
    const ticked = api ? api.getSelectedRows().map((row) => row.client_id) : [];
    return [ticked, group, client ? [client] : []].find((chosen) => chosen.length > 0) ?? [];
  };

  const takeTogether = (members) => {
    api?.deselectAll();
    group = members;
    desk.moveForm.about(whom());
  };

  const tickFocused = () => {
    if (desk.choices.screen !== "clients" || !api) return;
    const focused = api.getFocusedCell();
    const row = document.activeElement?.closest("#clients-grid [row-id]");
    const node = row ? api.getRowNode(row.getAttribute("row-id"))
      : focused && api.getDisplayedRowAtIndex(focused.rowIndex);
    node?.setSelected(!node.isSelected());
  };

  const untick = () => {
    group = [];
    api?.deselectAll();
  };

  const nextBook = () => {
    const books = ["all", "A", "B", "C"];
    const now = books.indexOf(chosen.book || "all");
    window.dash_clientside.set_props("clients-book", { value: books[(now + 1) % books.length] });
  };

  const exportCsv = () => {
    const { shown } = askers.list;
    if (!shown) return;
    const clock = shown.made.as_of.replaceAll(":", "") || "empty";
    desk.saveCsv(`clients-${clock}.csv`, ["client_id", "score", "band", "trades", "edge", "edge_low",
      "edge_high", "e_value", "alarmed", "drift", "book", "suggested", "kept_usd", "reason"], shown.rows);
  };

  /* from another screen: the card of a client, and perhaps the form that moves him */
  const openClient = (clientId) => {
    desk.actions.act("screen:clients");
    api?.deselectAll();
    open({ client_id: clientId });
    api?.redrawRows();
  };
  const moveTo = (clientId, book, reason) => {
    openClient(clientId);
    desk.moveForm.prefill(clientId, book, reason);
  };

  const show = () => {
    if (!askers) return;
    refresh();
    desk.moves.refresh();
  };

  const start = async () => {
    askers = {
      list: desk.asker({ name: "clients-list", screen: "clients", every: LIST_EVERY_MS, draw,
        question: () => ({ ...chosen }) }),
      card: desk.asker({ name: "clients-card", screen: "clients", every: CARD_EVERY_MS, draw: drawCard,
        question: () => ({ client }) }),
    };
    desk.card.empty("Decision card", element("card-empty").textContent);
    desk.setEmpty("clients", true);
    setInterval(refresh, 250);
    desk.moves.start();
    const ready = await desk.gridApi("clients-grid");
    keeper = desk.rowKeeper(ready);
    api = ready;
    api.setGridOption("rowClassRules", { "row-open": (params) => params.data?.client_id === client });
    desk.onRow(api, (row) => { open(row); api.redrawRows(); });
    api.addEventListener("selectionChanged", () => desk.moveForm.about(whom()));
    if (askers.list.shown) draw(askers.list.shown);
  };

  window.dash_clientside ??= {};
  const hearing = (kind) => (answer) => askers?.[kind].hear(answer) ?? window.dash_clientside.no_update;
  window.dash_clientside.clients = { list: hearing("list"), card: hearing("card"),
    sort: choose("sort", "score"), only: choose("only", "scored"), book: choose("book", "all"),
    search: choose("search", "") };
  desk.clients = { start, show, askNow, drawWaiting, tickFocused, untick, whom, takeTogether, nextBook, exportCsv,
    openClient, moveTo };
}
