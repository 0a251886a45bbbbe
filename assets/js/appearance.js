/* Theme and palette: remembered, applied before the first paint of figures, told to whoever draws
   with colours of its own. Everything else follows from CSS variables. */
"use strict";
{
  const desk = (window.desk ??= {});
  const root = document.documentElement;

  const color = (variable) => getComputedStyle(root).getPropertyValue(variable).trim();

  const restore = () => {
    root.dataset.theme = desk.preferences.get("theme", root.dataset.theme);
    root.dataset.palette = desk.preferences.get("palette", root.dataset.palette);
  };

  const apply = () => {
    root.style.background = color("--bg");
    window.dash_clientside.set_props("shell-provider", { forceColorScheme: root.dataset.theme });
    desk.pnl.paint();
    desk.revenue.paint();
  };

  desk.appearance = { color, restore, apply };
}
