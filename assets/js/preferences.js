/* What a person chose, kept in this browser. Never figures. */
"use strict";
{
  const desk = (window.desk ??= {});
  const PREFIX = "plimsoll.";

  const get = (name, otherwise) => {
    const text = localStorage.getItem(PREFIX + name);
    if (text === null) return otherwise;
    try {
      return JSON.parse(text);
    } catch {
      return otherwise;
    }
  };
  const set = (name, value) => localStorage.setItem(PREFIX + name, JSON.stringify(value));
  const forget = (name) => localStorage.removeItem(PREFIX + name);

  desk.preferences = { get, set, forget };
}
