/* Runs before anything is drawn: the colours that were chosen, or the theme of the system. */
"use strict";
(() => {
  const { theme, chosen, directions } = document.currentScript.dataset;
  Object.assign(document.documentElement.dataset, { theme, directions });
  if (chosen !== undefined) return;
  const light = matchMedia("(prefers-color-scheme: light)");
  function follow() {
    const kept = `crypto_bot_system_theme=${light.matches ? "light" : "dark"}`;
    if (kept.endsWith(`=${theme}`)) return;
    document.cookie = `${kept};path=/;max-age=31536000;SameSite=Lax`;
    if (document.cookie.includes(kept)) location.reload();  // charts are drawn with its colours
  }
  light.addEventListener("change", follow);
  follow();
})();
