/* How far the figures can be trusted: one state for the whole page, looked at four times a second.
   A figure that is not current is greyed, and says how old it is. */
"use strict";
{
  const desk = (window.desk ??= {});
  const STALE_MS = 3_000;

  const state = (line) => {
    if (!line.open) return "disconnected";
    if (!desk.model.frame) return "waiting";
    if (desk.age() > STALE_MS) return desk.paused && desk.newestAge() <= STALE_MS ? "paused" : "stale";
    return desk.paused ? "paused" : "live";
  };

  const seconds = (ms) => `${Math.max(0, Math.round(ms / 1000))} s`;

  const sentence = (name, line) => {
    const age = desk.model.frame ? `last figures are ${seconds(desk.age())} old` : "no figures yet";
    const wait = seconds(line.retryAt - performance.now());
    switch (name) {
      case "disconnected": return `Connection to the desk lost, ${age}. Trying again in ${wait}.`;
      case "stale": return `Engine not responding, ${age}.`;
      case "waiting": return "Engine not responding, no figures yet.";
      case "paused": return `Paused by you: ${age}. Space goes on.`;
      default: return "";
    }
  };

  const labels = { live: "Live", stale: "Stale", waiting: "Waiting", paused: "Paused",
                   disconnected: "Disconnected" };

  desk.isLive = () => document.body.dataset.freshness === "live" && !document.hidden;

  const draw = (line) => {
    const name = state(line);
    const age = desk.model.frame ? ` ${desk.formats.age(desk.age())}` : "";
    const chip = document.getElementById("shell-chip");
    chip.dataset.state = name;
    chip.querySelector(".chip-text").textContent = labels[name] + age;
    document.body.dataset.freshness = name;
    const banner = document.getElementById("shell-banner");
    banner.hidden = name === "live";
    banner.dataset.state = name;
    banner.querySelector(".banner-text").textContent = sentence(name, line);
  };

  desk.freshness = { draw };
}
