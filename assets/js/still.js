/* The parts of the page that stand still (`still.py`): they come with the page as markup that the
   desk wrote about itself, never about figures, and get into their places the moment Dash has made
   these, before any script looks. */
"use strict";
{
  const fill = () => {
    const parts = JSON.parse(document.getElementById("still-parts").textContent);
    for (const place of document.querySelectorAll("[data-still]")) {
      const part = document.createElement("template");
      part.innerHTML = parts[place.dataset.still];
      place.append(part.content);
      delete place.dataset.still;
    }
  };

  new MutationObserver((_, observer) => {
    if (!document.getElementById("shell-choices")) return; // the last element of the page
    observer.disconnect();
    fill();
  }).observe(document.body, { childList: true, subtree: true });
}
