/* What comes close: the margin list or the limits, one at a time; what is reached shows always. */
"use strict";
{
  const desk = (window.desk ??= {});

  const show = () => {
    for (const part of document.querySelectorAll("[data-watch]")) {
      part.hidden = part.dataset.watch !== desk.choices.watch;
    }
  };

  const draw = () => {
    show();
    desk.margin.draw();
    desk.limits.draw();
  };

  const start = () => Promise.all([desk.margin.start(), desk.limits.start()]);

  desk.watch = { start, draw };
}
