// The element of the page around the report of a backtest: its file, in the colours of the page.
// It lies in a tree of its own, so that its styles and those of the page do not meet.
export default {
  template: `<div role="region" aria-label="Report" aria-busy="true"></div>`,
  props: { url: String, chart: String, coins: Array },
  async mounted() {
    const reply = await fetch(this.url);
    const held = new DOMParser().parseFromString(await reply.text(), "text/html");
    const root = this.$el.attachShadow({ mode: "open" });
    const report = document.createElement("div"); // the page has a main of its own
    report.className = "report";
    report.style.cssText = "max-width: none; padding: 0";
    report.append(...held.querySelector("main").childNodes);
    const script = document.createElement("script");
    script.textContent = held.querySelector("body > script").textContent;
    root.append(...held.querySelectorAll("style"), report, script);
    window.showTrades(root, (symbol, at) => this.coins.includes(symbol)
      ? `${this.chart}/${encodeURIComponent(symbol)}?at=${new Date(at).toISOString()}` : null);
    this.$el.removeAttribute("aria-busy");
  },
};
