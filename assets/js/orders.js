/* Commands to the desk: sent with a key that is used once for ever, so that sending the same again
   after a lost connection can do nothing twice; and what commands say, in words. */
"use strict";
{
  const desk = (window.desk ??= {});
  const GIVE_UP_MS = 30_000;
  const NAMED = 3;

  /* randomUUID is missing where the desk is reached without TLS under a name of its own */
  const newKey = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const read = async (response) => {
    if (!response.headers.get("content-type")?.startsWith("application/json")) return null;
    return response.json();
  };

  /* { lost } when nobody knows what became of it, else { ok, body, problems } */
  const ask = async (path, options) => {
    let response;
    let body;
    try {
      response = await fetch(path, { ...options, signal: AbortSignal.timeout(GIVE_UP_MS) });
      body = await read(response);
    } catch {
      return { lost: true, ok: false, problems: ["No answer came from the desk."] };
    }
    if (body === null) return { absent: true, ok: false, problems: ["This desk only watches: it takes no commands."] };
    const problems = response.ok ? [] : body.problems ?? [body.reason ?? body.error];
    return { ok: response.ok, away: response.status === 503, missing: response.status === 404, body, problems: problems.map(sentence) };
  };

  const sentence = (said) => {
    const text = said.replace(/^actor /, "your name ");
    return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
  };

  const get = (path) => ask(path, {});
  const post = (path, body) => ask(path, { method: "POST",
    headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

  const listed = (names) => (names.length <= NAMED ? names.join(", ")
    : `${names.slice(0, NAMED).join(", ")} and ${desk.formats.number(names.length - NAMED)} more`);

  const place = (book, ratio) => `book ${book}${book === "C" && ratio !== null
    ? ` (${desk.formats.percent(ratio)} hedged)` : ""}`;

  /* what a command does, from its moves: clients by where they go */
  const told = (command) => {
    const goals = new Map();
    for (const move of command.moves) {
      const goal = `${place(move.book, move.hedge_ratio)}${move.symbol ? `, ${move.symbol} only` : ""}`;
      goals.set(goal, (goals.get(goal) ?? new Set()).add(move.client_id));
    }
    const parts = [...goals].map(([goal, clients]) => `${listed([...clients])} → ${goal}`);
    const also = command.moves.some((move) => move.move_open) ? ", open positions too" : "";
    const ends = command.expires_at_ms ? `, until ${desk.utcBriefly(command.expires_at_ms)}` : "";
    return `${command.undo_of ? "Put back: " : ""}${parts.join("; ")}${also}${ends}`;
  };

  const refusals = (command) =>
    [...new Set(command.moves.filter((move) => move.accepted === false).map((move) => move.reason))];

  /* how far it has come: a word, a sentence, and how much that matters */
  const stateOf = (command) => {
    const accepted = command.moves.filter((move) => move.accepted).length;
    const why = refusals(command).map(sentence).join(" ");
    const by = command.approval?.decided_by;
    return {
      waiting: ["waiting", "It waits for a second person; nothing has moved yet.", "warning"],
      sending: ["under way", "It is kept and goes to the platform until there is an answer.", "warning"],
      done: [command.undone_by ? "undone" : "done", "Done: the platform has moved every account.", "ok"],
      partly: [command.undone_by ? "undone" : "partly",
        `The platform moved ${accepted} of ${command.moves.length} accounts. ${why}`, "warning"],
      refused: ["refused", `The platform refused: nothing has moved. ${why}`, "critical"],
      rejected: ["rejected", `${by} rejected it: nothing has moved.`, "critical"],
      lapsed: ["lapsed", "Nobody decided in time: nothing has moved.", "critical"],
    }[command.state];
  };

  desk.orders = { newKey, get, post, told, listed, place, stateOf };
}
