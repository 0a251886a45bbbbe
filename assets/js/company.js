/* Who acts as one, as one row that can be moved as one, and what a second policy, which is obeyed by
   nobody, would have brought. */
"use strict";
{
  const desk = (window.desk ??= {});
  const NAMED = 6;
  const KINDS = { copy: "copy each other", hedge: "hedge each other" };

  const usd = (value) => (value === null ? "–" : desk.formats.compact(value));
  const signed = (value) => (value === null ? "–" : desk.formats.compact(value, true));

  /* the one who acts first comes first, marked */
  const members = ({ members: names, leader }) => {
    const ordered = leader ? [`${leader} (first)`, ...names.filter((name) => name !== leader)] : names;
    const rest = ordered.length - NAMED;
    return ordered.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${desk.formats.number(rest)} more` : "");
  };

  const edge = (cluster) => {
    const { client_edge_usd_per_million: mean, client_edge_low: low, client_edge_high: high } = cluster;
    return mean === null ? "–" : `${signed(mean)} (${signed(low)} to ${signed(high)})`;
  };

  const clusterRow = (cluster) => {
    const { number } = desk.formats;
    const score = cluster.n ? `${number(cluster.score)} · n ${number(cluster.n)}` : "–";
    const take = desk.button("Choose", `Put ${cluster.id} into the form`,
      () => desk.clients.takeTogether(cluster.members));
    const who = Object.assign(desk.made("span", members(cluster)), { title: cluster.members.join(", ") });
    const whom = desk.made("span", `${number(cluster.members.length)} ${KINDS[cluster.kind] ?? cluster.kind}: `);
    whom.append(who);
    return desk.tableRow(cluster.id, [whom, [cluster.sentence, "why"], score, edge(cluster),
      `${signed(cluster.net_usd)} · ${usd(cluster.gross_usd)}`, take]);
  };

  const shadowRow = (client) => {
    const { place } = desk.orders;
    return desk.tableRow(client.client_id, [place(client.book, client.hedge_ratio),
      place(client.shadow_book, client.shadow_hedge_ratio), signed(client.difference_usd)]);
  };

  const band = (told) => (told.difference_low_usd === null ? "too few hours for an interval"
    : `95 % between ${signed(told.difference_low_usd)} and ${signed(told.difference_high_usd)}, `
      + (told.is_proven ? "which leaves zero out" : "which may be chance"));

  const tell = (told) => {
    const { number } = desk.formats;
    document.getElementById("moves-shadow-told").textContent = told.policy === undefined ? ""
      : `${told.policy} since ${desk.utcBriefly(told.begun_at / 1e6)} of market time, ${number(told.hours)} hours: `
        + `${signed(told.shadow_usd)} USD beside ${signed(told.actual_usd)} really earned, `
        + `${signed(told.difference_usd)} (${band(told)}). ${number(told.elsewhere)} of `
        + `${number(told.clients)} clients elsewhere after ${number(told.moves)} moves.`;
  };

  desk.company = { clusterRow, shadowRow, tell };
}
