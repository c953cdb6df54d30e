/* Runs before anything is drawn: the theme that the server chose, or that of the system. */
"use strict";
(() => {
  const { theme, chosen } = document.currentScript.dataset;
  document.documentElement.dataset.theme = theme;
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
