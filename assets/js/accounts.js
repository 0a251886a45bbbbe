/* The margin screen: accounts by level and distance, as the book is or after a move. A move is asked
   for when the slider is let go; the list asks again by itself every few seconds. */
"use strict";
{
  const desk = (window.desk ??= {});
  const EVERY_MS = 4_000;
  const SETTLE_MS = 180; // a key that is held down is one move
  const OLD_MS = 15_000;
  const LARGEST = 10;
  const chosen = { sort: "level", search: "" };
  let slider = null;
  let asker = null; // made when all scripts are there
  let api = null;
  let keeper = null;
  let settling = null;

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const screen = () => document.querySelector("[data-screen='margin']");
  const percent = () => Number(slider?.value ?? 0);
  const target = () => element("accounts-target")?.value.trim() ?? "";

  const drawMove = () => {
    const size = desk.formats.number(percent(), 1, true);
    element("accounts-move").textContent = percent() === 0 ? "as it is now" : `${size} %`;
    slider.setAttribute("aria-valuetext", percent() === 0 ? "as it is now" : `${size} percent`);
  };

  const tile = (key, text, below, tone = "") => {
    const place = document.querySelector(`[data-accounts='${key}']`);
    const figure = place.querySelector(".tile-value");
    figure.textContent = text;
    figure.className = `tile-value ${tone}`;
    place.querySelector(".tile-parts").textContent = below;
  };

  const drawTiles = (answer) => {
    const { number, compact, percent: share } = desk.formats;
    const { figures, bands, bands_now: now, title } = answer;
    bands.forEach((count, k) => {
      const kind = document.querySelector(`[data-accounts='band-${k}']`).dataset.tone;
      const below = title ? `now ${number(now[k])}` : `${share(count / figures.accounts, 1)} of all`;
      tile(`band-${k}`, number(count), below, kind && count > 0 ? `is-${kind}` : "");
    });
    const owed = figures.negative ? `owe ${compact(figures.deficits_usd)} USD` : "nobody owes";
    const before = title ? ` · now ${number(figures.negative_now)}` : "";
    tile("negative", number(figures.negative), owed + before, figures.negative ? "is-critical" : "");
    const house = title ? figures.house_usd : null;
    tile("house_usd", title ? compact(house, true) : "–",
      title ? `balances cost ${compact(figures.balance_cost_usd)}` : "nothing is moved",
      house > 0 ? "is-profit" : house < 0 ? "is-loss" : "");
  };

  const countOf = ({ rows, count }) => {
    const { number } = desk.formats;
    const listed = rows.length < count ? `the worst ${number(rows.length)} of ` : "";
    return `${listed}${number(count)} ${count === 1 ? "account" : "accounts"}`;
  };

  const drawList = (answer) => {
    element("accounts-count").textContent = countOf(answer);
    element("accounts-empty").textContent = chosen.search ? `No account matches ${chosen.search}.`
      : "No account uses margin.";
    desk.setEmpty("accounts", answer.rows.length === 0);
    if (!api) return;
    api.setColumnsVisible(["level_now"], Boolean(answer.title));
    const { sort } = chosen;
    const field = sort === "distance" ? "to_all" : "level";
    if (api.getColumnState().find((state) => state.colId === field).sort !== "asc" && sort !== drawList.sort) {
      api.applyColumnState({ state: [{ colId: field, sort: "asc" }], defaultState: { sort: null } });
    }
    drawList.sort = sort;
    keeper.sync(answer.rows);
  };

  const say = (note, state) => {
    const place = element("accounts-note");
    place.hidden = !note;
    if (place.textContent !== note) place.textContent = note;
    place.dataset.state = state;
  };

  const draw = (answer) => {
    element("accounts-target").setAttribute("aria-invalid", String(answer.state === "refused"));
    screen().toggleAttribute("data-loading", answer.state === "refused");
    if (answer.state !== "shown") {
      const last = asker.shown && answer.state === "failed" ? " The list is the last that came." : "";
      say(answer.note + last, answer.state);
      if (!asker.shown) element("accounts-empty").textContent = answer.note;
      if (!asker.shown && keeper?.size === 0) desk.setEmpty("accounts", true);
      return;
    }
    const moved = answer.title ? [`After ${answer.title}, before the platform closes anything.`] : [];
    say([...moved, ...answer.notes].join(" "), answer.title ? "moved" : "shown");
    desk.offerNames(answer.targets);
    drawTiles(answer);
    drawList(answer);
  };

  const begin = () => desk.asker({ name: "accounts", screen: "margin", every: EVERY_MS, draw,
    question: () => ({ ...chosen, target: target(), percent: percent() }) });

  const drawAge = () => {
    if (!asker || desk.choices.screen !== "margin") return;
    const old = asker.age() !== null && asker.age() > OLD_MS;
    screen().toggleAttribute("data-stale", old);
    element("accounts-state").textContent = `${old ? "▲ " : ""}${asker.told()}`;
  };

  const askSoon = () => {
    clearTimeout(settling);
    settling = setTimeout(() => asker?.ask(), SETTLE_MS);
  };

  const still = () => {
    slider.value = 0;
    drawMove();
    asker.ask();
  };

  const choose = (name) => (given) => {
    const wanted = given ?? (name === "sort" ? "level" : "");
    if (wanted === chosen[name]) return window.dash_clientside.no_update;
    chosen[name] = wanted;
    if (desk.choices.screen === "margin") askSoon();
    return window.dash_clientside.no_update;
  };

  const exportCsv = () => {
    if (!asker?.shown) return;
    const { as_of: clock } = asker.shown.made;
    desk.saveCsv(`accounts-${clock.replaceAll(":", "")}.csv`, ["login", "client_id", "book", "currency",
      "level", "level_now", "call_level", "stop_out_level", "equity", "margin", "free", "largest",
      "to_largest", "to_all"], asker.shown.rows);
  };

  const show = () => {
    asker?.refresh();
    drawAge();
  };

  const makeSlider = () => {
    slider = Object.assign(document.createElement("input"), {
      type: "range", min: -LARGEST, max: LARGEST, step: 0.1, value: 0, id: "accounts-percent",
    });
    slider.setAttribute("aria-label", "Move in percent");
    slider.addEventListener("input", drawMove);
    slider.addEventListener("change", askSoon);
    element("accounts-slider").append(slider);
    element("accounts-target").addEventListener("change", () => percent() !== 0 && askSoon());
    drawMove();
  };

  const start = async () => {
    asker = begin();
    makeSlider();
    setInterval(() => { asker.refresh(); drawAge(); }, 250);
    const ready = await desk.gridApi("accounts-grid");
    keeper = desk.rowKeeper(ready);
    api = ready;
    desk.onRow(api, desk.drill.openLogin);
    desk.setEmpty("accounts", !asker.shown);
    if (asker.shown) draw(asker.shown);
  };

  window.dash_clientside ??= {};
  window.dash_clientside.accounts = { answer: (given) => asker?.hear(given) ?? window.dash_clientside.no_update,
    sort: choose("sort"), search: choose("search") };
  desk.accounts = { start, show, still, exportCsv };
}
