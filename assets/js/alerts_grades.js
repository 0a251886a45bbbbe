/* Every rule: what it looks at, from where on it fires, and what came of its cases, so that its figures
   can be judged. A person changes the policy; nothing here does. */
"use strict";
{
  const desk = (window.desk ??= {});
  const element = (id) => document.getElementById(id);
  const made = (...given) => desk.made(...given);
  const two = (above, below, name = "") => {
    const cell = made("td", "", name);
    const first = made("div");
    first.append(above);
    cell.append(first, made("div", below, "below"));
    return cell;
  };
  const number = (...given) => desk.formats.number(...given);
  const percent = (...given) => desk.formats.percent(...given);
  const compact = (...given) => desk.formats.compact(...given);

  const figure = (value, unit) => (unit === "USD" ? compact(value) : number(value, Number.isInteger(value) ? 0 : 2));
  const fires = ({ kind, unit, policy }) => {
    if (!policy) return two("–", "no policy");
    if (!policy.enabled) return two("off", "switched off in the policy");
    const way = policy.worse === "below" ? "≤" : "≥";
    const also = [kind === "state" ? `clears at ${figure(policy.clears_at, unit)}` : "each time",
      policy.for_s ? `holds ${number(policy.for_s)} s` : "", policy.hours === "market" ? "market hours" : ""];
    const told = /\d/.test(unit) ? `(${unit})` : unit;
    return two(`${way} ${figure(policy.fires_at, unit)} ${told}`, also.filter(Boolean).join(", "));
  };
  const severity = ({ policy }) => (policy ? two(`${compact(policy.warning_usd)} · ${compact(policy.critical_usd)}`,
    policy.floor === "info" ? "" : `at least ${policy.floor}`) : made("td", "–"));

  /* a share with its interval, as a bar as well */
  const share = (value, low, high, below) => {
    if (value === null || value === undefined) return two("–", below, "num");
    const cell = two(percent(value), `${percent(low)} to ${percent(high)} · ${below}`, "num");
    const bar = made("span", "", "grade-bar");
    const range = made("i");
    range.style.left = `${100 * low}%`;
    range.style.right = `${100 - 100 * high}%`;
    const here = made("b");
    here.style.left = `${100 * value}%`;
    bar.append(range, here);
    cell.firstElementChild.append(bar);
    return cell;
  };

  const lasting = (seconds) => (seconds === null || seconds === undefined ? "–" : desk.alertWords.span(seconds * 1000));

  const row = (rule, grade) => {
    const line = made("tr");
    const name = made("th");
    name.scope = "row";
    name.append(made("div", rule.title), made("div", `${rule.team} · by ${rule.subject}`, "below"));
    name.title = rule.description;
    line.append(name, fires(rule), severity(rule));
    if (!grade) {
      line.append(two("0", "", "num"), ...Array.from({ length: 4 }, () => made("td", "–", "num")), made("td", "", "why"));
      return line;
    }
    line.append(two(number(grade.ended), `${number(grade.graded)} graded`, "num"),
      share(grade.precision, grade.precision_low, grade.precision_high, `${number(grade.useful)} of ${number(grade.graded)}`),
      made("td", lasting(grade.acknowledge_s), "num"), two(grade.graded ? compact(grade.usd, true) : "–", grade.lost_usd ? `${compact(grade.saved_usd)} saved, ${compact(grade.lost_usd)} lost` : "", "num"),
      made("td", percent(grade.ignored), "num"), made("td", grade.proposal ?? "", "why"));
    return line;
  };

  const ask = async () => {
    await desk.alertMutes.askRules();
    const { rules } = desk.alertMutes;
    const answer = await desk.orders.get(`/api/v1/alerts/grades?days=${element("alerts-grades-days").value}`);
    if (!answer.ok || !rules) {
      desk.alerts.fail("grades", answer.ok ? "The rules did not come." : answer.problems.join(" "));
      return;
    }
    const grades = new Map(answer.body.grades.map((grade) => [grade.rule, grade]));
    const ordered = [...rules].sort((a, b) => (grades.get(b.name)?.ended ?? 0) - (grades.get(a.name)?.ended ?? 0));
    const listed = ordered.map((rule) => [rule, grades.get(rule.name)]);
    desk.alerts.fill("grades", listed, listed.map((pair) => row(...pair)), "There is no rule.");
    desk.setText(element("alerts-grades-said"), `Policy ${desk.alertMutes.policy}. Grades come from whoever resolves a case; nothing changes a rule by itself.`);
  };

  const start = () => {
    element("alerts-grades-days").value = "30";
    element("alerts-grades-days").addEventListener("change", ask);
  };

  desk.alertGrades = { start, ask };
}
