/* Runs before anything is drawn: the colours that were chosen, or the theme of the system. */
"use strict";
(() => {
  const { theme, chosen, directions } = document.currentScript.dataset;
  Object.assign(document.documentElement.dataset, { theme, directions });
  if (chosen !== undefined) return;
  const HOLDS_MS = 500;
  const light = matchMedia("(prefers-color-scheme: light)");
  let settling = 0;
  let leaving = false;
  function follow() {
    const kept = `crypto_bot_system_theme=${light.matches ? "light" : "dark"}`;
    // To load this page again would stop the way to another one, which asks with the cookie anyway.
    if (kept.endsWith(`=${theme}`) || leaving) return;
    document.cookie = `${kept};path=/;max-age=31536000;SameSite=Lax`;
    if (document.cookie.includes(kept)) location.reload();  // charts are drawn with its colours
  }
  addEventListener("beforeunload", () => { leaving = true; });
  light.addEventListener("change", () => {  // a busy browser may report another one for a moment
    clearTimeout(settling);
    settling = setTimeout(follow, HOLDS_MS);
  });
  follow();
})();
