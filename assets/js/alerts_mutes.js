/* Mutes: which rules say nothing for a while, why and until when; and the grades of every rule, what
   its figures are, and what the grades say about them. */
"use strict";
{
  const desk = (window.desk ??= {});
  const MINUTE_MS = 60_000;
  let rules = null;
  let policy = "";
  let mutes = [];

  const element = (id) => document.getElementById(id);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const typed = (id) => element(id).value.trim();
  const get = (path) => desk.orders.get(`/api/v1/alerts/${path}`);
  const post = (body) => desk.orders.post("/api/v1/alerts/mutes", { ...body, key: desk.orders.newKey() });
  const titleOf = (name) => rules?.find((rule) => rule.name === name)?.title ?? desk.alertWords.words(name);

  const say = (text, state = "") => {
    element("alerts-mute-said").textContent = text;
    element("alerts-mute-said").dataset.state = state;
  };

  const drawMutes = (listed) => {
    mutes = listed;
    desk.alerts.fill("mutes", mutes, mutes.map(desk.alertRows.muteRow), "Every rule speaks: nothing is muted.");
    desk.alertWords.drawAges(element("alerts-mutes"));
  };

  const askMutes = async () => {
    const answer = await get("mutes");
    if (answer.ok) drawMutes(answer.body.mutes);
    else desk.alerts.fail("mutes", answer.problems.join(" "));
  };

  const askRules = async () => {
    if (rules) return;
    const answer = await get("rules");
    if (!answer.ok) return;
    ({ rules, policy } = answer.body);
    const listed = () => rules.map(({ name, title }) =>
      Object.assign(desk.made("option", title), { value: name }));
    element("alerts-rule").append(...listed());
    element("alerts-mute-for").value = "60";
    element("alerts-mute-rule").replaceChildren(...listed());
  };

  const set = async (given = null) => {
    const asked = given ?? { rule: element("alerts-mute-rule").value, subject: typed("alerts-mute-subject"),
      minutes: Number(element("alerts-mute-for").value), reason: typed("alerts-mute-reason"), actor: typed("alerts-mute-actor") };
    say("Sending.");
    const answer = await post({ action: "set", ...asked });
    if (!answer.ok) {
      say(answer.problems.join(" "), "refused");
      return;
    }
    desk.alertActs.remember(asked.actor);
    for (const id of ["alerts-mute-subject", "alerts-mute-reason"]) props(id, { value: "" });
    say("");
    const { mute } = answer.body;
    desk.alertActs.tell(`${titleOf(mute.rule)}${mute.subject ? `, ${mute.subject},` : ""} is muted until ${desk.alertWords.when(mute.until_ms)} UTC.`,
      () => [["mutes", { action: "end", mute_id: mute.mute_id, actor: asked.actor }]]);
    desk.alerts.changed();
    askMutes();
  };

  const end = async (mute) => {
    const actor = typed("alerts-mute-actor");
    const answer = await post({ action: "end", mute_id: mute.mute_id, actor });
    if (!answer.ok) {
      say(answer.problems.join(" "), "refused");
      return;
    }
    say("");
    const again = () => ({ action: "set", rule: mute.rule, subject: mute.subject, reason: mute.reason, actor,
      minutes: Math.max(1, Math.round((mute.until_ms - desk.alertWatch.now()) / MINUTE_MS)) });
    desk.alertActs.tell(`The mute of ${titleOf(mute.rule)} ended.`, () => [["mutes", again()]]);
    desk.alerts.changed();
    askMutes();
  };

  /* from an open case: its rule, and its subject where it has one */
  const about = async (one) => {
    await askRules();
    desk.alerts.toTab("mutes");
    element("alerts-mute-rule").value = one.rule;
    props("alerts-mute-subject", { value: one.member_count === 1 ? one.members?.[0]?.subject ?? "" : "" });
    await desk.until(() => element("alerts-mute-reason").checkVisibility());
    element("alerts-mute-reason").focus();
  };

  desk.alertMutes = { askMutes, askRules, set, end, about, titleOf, get rules() { return rules; }, get policy() { return policy; } };
}
