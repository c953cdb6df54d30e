// Draws candles, indicators, calls and fills. Spans of data are read from the server as they are
// needed: the newest, then older ones while the chart is scrolled, and again after each cycle.
import {
  BaselineSeries, CandlestickSeries, HistogramSeries, LineSeries, LineStyle, createChart,
} from "./lightweight_charts.js";
import { CLOSE, FAST, HIGH, Known, LOW, OPEN, RESISTANCE, RSI, SLOW, SUPPORT, TIME, VOLUME } from "./known.js";
import { Marks } from "./marks.js";

export const KINDS = { ema: "EMA", rsi: "RSI", levels: "Levels", fills: "Fills" };

const FUTURE = 16;
const NEAR = 30; // bars from the end of what is known at which more is read

export class CandleChart {
  // `reads` is given the values of a bar to print, `moves` whether the newest bar is out of view.
  constructor(box, { url, look, zone, reads, moves }) {
    Object.assign(this, { box, url, look, reads, moves, price: null, pinned: null, hovered: null });
    const when = (parts) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...parts });
    const time = { hour: "2-digit", minute: "2-digit" };
    const day = { day: "numeric", month: "short" };
    this.ticks = [{ year: "numeric" }, day, day, time, time].map(when);
    this.moment = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", ...time,
    });
  }

  // Starts anew with bars of `frame` around the time `at`, or the newest; a call is at `pinned`.
  async show(frame, on, at, pinned = null) {
    this.remove();
    Object.assign(this, { frame, on, known: new Known(frame.step), busy: null, hovered: null });
    this.pinned = pinned && pinned - (pinned % frame.step);
    const { known } = this;
    await this.load(at ? at + Math.ceil(frame.span / 2) : null);
    if (known !== this.known || !known.times.length) return;
    this.build();
    const count = innerWidth < 700 ? 60 : 130;
    const newest = known.last + 1 + this.ahead();
    const to = at ? Math.min(known.indexOf(at) + count / 2, newest) : newest;
    this.go({ from: to - count, to });
  }

  remove() {
    this.chart?.remove();
    this.chart = null;
  }

  // Reads one span, one at a time, and says whether it could.
  load(until) {
    if (this.busy) return this.busy;
    const { known } = this;
    this.busy = this.fetched(until).then((page) => {
      if (known !== this.known) return false; // another timeframe was chosen meanwhile
      this.busy = null;
      if (page?.bars) this.merge(page);
      return Boolean(page?.bars);
    });
    return this.busy;
  }

  async fetched(until) {
    const asked = `${this.url}?tf=${this.frame.name}${until === null ? "" : `&until=${until}`}`;
    try {
      const reply = await fetch(asked);
      return reply.ok ? await reply.json() : null;
    } catch {
      return null; // the server is away: asked again by the next cycle or the next scroll
    }
  }

  merge(page) {
    const { added, grown, count } = this.known.add(page);
    if (!this.chart || !this.known.times.length) return;
    const range = this.range();
    const shift = added + (grown > 0 && range.to >= count - 1 ? grown : 0);
    if (this.known.odds.size && !this.series.long) this.build();
    else this.fill();
    if (count) this.go({ from: range.from + shift, to: range.to + shift });
    else this.toNewest();
  }

  // Bars in front of the newest: up to where the open call expires.
  ahead() {
    const { open, last, times } = this.known;
    return open ? Math.max(FUTURE, Math.ceil((open.expires - times[last]) / this.frame.step)) : FUTURE;
  }

  build() {
    this.remove();
    const { look } = this;
    const chart = createChart(this.box, {
      autoSize: true,
      layout: {
        background: { color: "transparent" }, textColor: look.muted, fontSize: 11,
        fontFamily: "Roboto, sans-serif", attributionLogo: false, // the page has the link
        panes: { separatorColor: look.line, separatorHoverColor: look.raised },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: look.raised } },
      crosshair: {
        mode: 0,
        vertLine: { color: look.muted, labelBackgroundColor: look.line },
        horzLine: { color: look.muted, labelBackgroundColor: look.line },
      },
      rightPriceScale: { borderColor: look.line, minimumWidth: 64 },
      timeScale: {
        borderColor: look.line, timeVisible: true, shiftVisibleRangeOnNewBar: false, minBarSpacing: 0.5,
        tickMarkFormatter: (time, kind) => this.ticks[kind].format(time * 1000),
      },
      handleScroll: { vertTouchDrag: false },
      localization: { timeFormatter: (time) => this.moment.format(time * 1000) },
    });
    Object.assign(this, { chart, scale: chart.timeScale(), series: {}, levels: [] });
    this.addSeries();
    chart.panes().forEach((pane, at) => pane.setStretchFactor(at ? 1 : 6));
    this.marks = new Marks(this);
    this.series.price.attachPrimitive(this.marks);
    this.fill();
    chart.subscribeCrosshairMove(({ logical }) => {
      this.hovered = logical === undefined ? null : this.known.times[Math.max(0, Math.min(this.known.last, logical))];
      this.read();
    });
    this.scale.subscribeVisibleLogicalRangeChange((range) => this.scrolled(range));
  }

  addSeries() {
    const { look, on, series } = this;
    const { decimals } = this.known;
    const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    const formatter = (value) => value.toLocaleString("en-US", digits); // its own is wrong below 1e-10
    const price = { priceFormat: { type: "custom", minMove: 10 ** -decimals, formatter } };
    const add = (name, kind, pane, options) => { series[name] = this.chart.addSeries(kind, { ...quiet, ...options }, pane); };
    const line = (name, pane, color, options) => add(name, LineSeries, pane, { ...price, color, lineWidth: 1, ...options });
    add("price", CandlestickSeries, 0, {
      ...price, upColor: "transparent", downColor: look.short, borderUpColor: look.long,
      borderDownColor: look.short, wickUpColor: look.long, wickDownColor: look.short,
    });
    if (on.ema) {
      line("fast", 0, look.text);
      line("slow", 0, look.muted, { lineStyle: LineStyle.Dashed });
    }
    if (on.levels) {
      line("support", 0, look.muted);
      line("resistance", 0, look.muted);
    }
    let pane = 1;
    add("volume", HistogramSeries, pane, { color: look.none, priceFormat: { type: "volume" } });
    if (this.known.odds.size) {
      pane += 1;
      const share = { precision: 2, minMove: 0.01, type: "custom", formatter: (value) => Math.abs(value).toFixed(2) };
      for (const name of ["long", "short"]) {
        const colours = Object.fromEntries(["top", "bottom"].flatMap((side) => [
          [`${side}LineColor`, look[name]], [`${side}FillColor1`, `${look[name]}38`], [`${side}FillColor2`, `${look[name]}38`],
        ]));
        add(name, BaselineSeries, pane, { ...colours, lineWidth: 1, priceFormat: share });
      }
    }
    if (on.rsi) {
      const reach = (drawn) => {
        const { minValue, maxValue } = drawn()?.priceRange ?? { minValue: 50, maxValue: 50 };
        return { priceRange: { minValue: Math.min(minValue, 25), maxValue: Math.max(maxValue, 75) } };
      };
      const whole = { type: "price", precision: 0, minMove: 1 };
      line("rsi", pane + 1, look.text, { priceFormat: whole, autoscaleInfoProvider: reach });
      for (const price of [30, 70]) {
        series.rsi.createPriceLine({ price, color: look.muted, lineStyle: LineStyle.Dashed, axisLabelVisible: false });
      }
    }
  }

  // Gives all rows to the series: what is known changes once a cycle and with each span read.
  fill() {
    const { series } = this;
    const { times, rows, last } = this.known;
    const of = (column) => times.map((time) => {
      const value = rows.get(time)[column];
      return value === null ? { time } : { time, value };
    });
    const future = Array.from({ length: this.ahead() }, (_, at) => (
      { time: times[last] + (at + 1) * this.frame.step }));
    series.price.setData(times.map((time) => {
      const row = rows.get(time);
      return { time, open: row[OPEN], high: row[HIGH], low: row[LOW], close: row[CLOSE] };
    }).concat(future));
    const columns = { volume: VOLUME, fast: FAST, slow: SLOW, rsi: RSI };
    for (const [name, column] of Object.entries(columns)) series[name]?.setData(of(column));
    for (const [name, column] of Object.entries({ support: SUPPORT, resistance: RESISTANCE })) {
      // a level is drawn while it stands, without a line to the next one
      series[name]?.setData(of(column).map((each, at, all) => (
        each.value !== undefined && each.value !== all[at + 1]?.value ? { ...each, color: "transparent" } : each)));
    }
    if (series.long) {
      const odds = times.map((time) => [time, this.known.odds.get(time)]);
      series.long.setData(odds.map(([time, both]) => (both ? { time, value: both[0] } : { time })));
      series.short.setData(odds.map(([time, both]) => (both ? { time, value: -both[1] } : { time })));
    }
    this.levelLines();
    this.read();
  }

  // Price lines: the price of now, target and stop of the open call; at their prices as they are.
  levelLines() {
    const { look, series } = this;
    const { open } = this.known;
    for (const each of this.levels) series.price.removePriceLine(each);
    const wanted = [["", this.price, LineStyle.Solid]];
    if (open) wanted.push(["Target", open.target, LineStyle.Dashed], ["Stop", open.stop, LineStyle.Dashed]);
    this.levels = wanted.filter(([, price]) => price !== null).map(([title, price, lineStyle]) => (
      series.price.createPriceLine({
        title, price, lineStyle, lineWidth: 1, color: look.text, axisLabelColor: title ? look.raised : look.text,
        axisLabelTextColor: title ? look.text : look.bg, axisLabelVisible: true,
      })));
    this.marks?.update();
  }

  moved(price) {
    this.price = price;
    if (this.chart) this.levelLines();
  }

  draws(on) {
    this.on = on;
    if (!this.chart) return;
    const range = this.scale.getVisibleLogicalRange();
    this.build();
    this.scale.setVisibleLogicalRange(range);
  }

  // After a cycle. Somebody who looks at the past is left there: the newest is read on the way back.
  async refresh() {
    await this.busy;
    if (!this.known.times.length) await this.show(this.frame, this.on, null);
    else if (this.known.until === this.known.edge) await this.load(null);
  }

  async scrolled(range) {
    if (!range) return;
    const { first, since, until, edge, last } = this.known;
    this.moves(range.to < last || until < edge);
    if (this.busy) return;
    let read = false;
    if (range.from < NEAR && since > first) read = await this.load(since);
    else if (range.to > last - NEAR && until < edge) read = await this.load(until + this.frame.span);
    if (read && this.chart) this.scrolled(this.scale.getVisibleLogicalRange());
  }

  middle() {
    if (!this.chart) return null;
    const { from, to } = this.scale.getVisibleLogicalRange();
    return to >= this.known.last ? null : this.known.times[Math.max(0, Math.round((from + to) / 2))];
  }

  moveBy(bars, zoom) {
    const { from, to } = this.range();
    this.go({ from: to - (to - from) * zoom + bars, to: to + bars });
  }

  // A range is drawn with the next frame; until then what was asked for is what counts.
  range() {
    return this.wanted ?? this.scale.getVisibleLogicalRange();
  }

  go(range) {
    this.wanted = range;
    this.scale.setVisibleLogicalRange(range);
    requestAnimationFrame(() => { this.wanted = null; });
  }

  async toNewest() {
    if (this.known.until < this.known.edge) return this.show(this.frame, this.on, null);
    const { from, to } = this.range();
    const end = this.known.last + 1 + this.ahead();
    this.go({ from: end - (to - from), to: end });
  }

  // The values of the bar under the pointer, else of the bar that was jumped to, else of the newest.
  read() {
    const time = this.hovered ?? this.pinned;
    const at = time === null ? this.known.last : Math.min(this.known.last, this.known.indexOf(time));
    const row = this.known.rows.get(this.known.times[at]);
    const price = (value) => this.series.price.priceFormatter().format(value);
    const change = 100 * (row[CLOSE] / row[OPEN] - 1);
    const sign = change > 0 ? "+" : change < 0 ? "−" : "";
    const values = [["", this.moment.format(row[TIME] * 1000)]];
    for (const [name, column] of [["O", OPEN], ["H", HIGH], ["L", LOW], ["C", CLOSE]]) values.push([name, price(row[column])]);
    values.push(["", `${sign}${Math.abs(change).toFixed(2)}%`, sign === "+" ? "long" : sign ? "short" : ""]);
    values.push(["Vol", row[VOLUME].toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 })]);
    const known = (name, column, show) => row[column] !== null && values.push([name, show(row[column])]);
    if (this.on.ema) known(`EMA ${this.known.spans[0]}`, FAST, price), known(`EMA ${this.known.spans[1]}`, SLOW, price);
    if (this.on.rsi) known("RSI", RSI, (value) => value.toFixed(0));
    if (this.on.levels) known("Support", SUPPORT, price), known("Resistance", RESISTANCE, price);
    const here = [...this.known.calls.values(), ...(this.on.fills ? this.known.fills.values() : [])]
      .filter((each) => each.time === row[TIME]);
    for (const each of here.slice(0, 3)) values.push(["", each.words, each.long ? "long" : "short"]);
    if (here.length > 3) values.push(["", `and ${here.length - 3} more`]);
    this.reads(values.map(([name, value, tone = ""]) => ({ name, value, tone })));
  }
}
