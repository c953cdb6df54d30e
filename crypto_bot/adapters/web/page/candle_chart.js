// The element of the page around `candles/index.js`: timeframes, switches, the line of values.
import { CandleChart, KINDS } from "crypto-bot-candles";

const STORED = "crypto_bot_chart";

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED)) || {};
  } catch {
    return {};
  }
}

export default {
  template: `
    <div class="candles">
      <div class="tools">
        <div class="choices" role="group" aria-label="Timeframe">
          <button v-for="each in frames" type="button" :aria-pressed="String(each.name === frame)"
            @click="choose(each.name)">{{ each.name }}</button>
        </div>
        <div class="choices" role="group" aria-label="Drawn on the chart">
          <button v-for="(name, kind) in kinds" type="button" :aria-pressed="String(on[kind])"
            @click="toggle(kind)">{{ name }}</button>
        </div>
        <button v-if="away" type="button" class="switch" @click="chart.toNewest()">Newest</button>
      </div>
      <div class="reading" role="status" aria-live="off">
        <span v-for="each in reading" :class="each.tone"><span class="muted">{{ each.name }}</span> {{ each.value }}</span>
      </div>
      <div class="chart" ref="box" tabindex="0" role="img"
        :aria-label="'Candles with calls and outcomes; the numbers stand in the panels beside it. ' +
          'Arrow keys scroll, plus and minus zoom, End goes to the newest.'" @keydown="pressed"></div>
      <a class="muted" href="https://www.tradingview.com/" rel="noreferrer">TradingView Lightweight Charts</a>
    </div>`,
  props: {
    url: String, frames: Array, look: Object, zone: String, at: Number, version: Number, price: Number,
  },
  data() {
    const { frame, on } = stored();
    const asked = new URLSearchParams(location.search).get("tf");
    const known = this.frames.map((each) => each.name);
    return {
      frame: [asked, this.at ? known[0] : frame].find((name) => known.includes(name)) || known[0],
      on: { ema: false, rsi: false, levels: false, fills: true, ...on },
      kinds: KINDS,
      reading: [],
      away: false,
    };
  },
  mounted() {
    this.chart = new CandleChart(this.$refs.box, {
      url: this.url, look: this.look, zone: this.zone === "UTC" ? "UTC" : undefined,
      reads: (values) => { this.reading = values; },
      moves: (away) => { this.away = away; },
    });
    this.chart.price = this.price;
    this.chart.show(this.named(this.frame), this.on, this.at, this.at);
  },
  beforeUnmount() {
    this.chart.remove();
  },
  watch: {
    version() { this.chart.refresh(); },
    price(now) { this.chart.moved(now); },
  },
  methods: {
    choose(frame) {
      this.frame = frame;
      this.remember();
      const address = new URL(location.href);
      address.searchParams.set("tf", frame);
      history.replaceState(history.state, "", address);
      this.chart.show(this.named(frame), this.on, this.chart.middle(), this.at);
    },
    named(name) {
      return this.frames.find((each) => each.name === name);
    },
    toggle(kind) {
      this.on[kind] = !this.on[kind];
      this.remember();
      this.chart.draws(this.on);
    },
    remember() {
      localStorage.setItem(STORED, JSON.stringify({ frame: this.frame, on: this.on }));
    },
    pressed(event) {
      const done = { ArrowLeft: [-10, 1], ArrowRight: [10, 1], "+": [0, 0.8], "-": [0, 1.25] }[event.key];
      if (done) this.chart.moveBy(...done);
      else if (event.key === "End") this.chart.toNewest();
      else return;
      event.preventDefault();
    },
  },
};
