// What the browser has read of a chart: bars without a hole between them, calls, fills.

export const [TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, FAST, SLOW, RSI, SUPPORT, RESISTANCE] = Array(11).keys();

export class Known {
  constructor(step) {
    Object.assign(this, { step, first: null, edge: null, open: null });
    this.forget();
  }

  forget() {
    Object.assign(this, { rows: new Map(), calls: new Map(), fills: new Map(), odds: new Map() });
    Object.assign(this, { since: null, until: null, times: [] });
  }

  // Says how many bars came in front, how many behind, and how many there were. A hole between
  // `page` and what is known makes what is known void.
  add(page) {
    if (this.since !== null && (page.since > this.until || page.until < this.since)) this.forget();
    const before = this.times;
    for (const row of page.bars) this.rows.set(row[TIME], row);
    for (const [time, ...shares] of page.odds) this.odds.set(time, shares);
    for (const call of page.calls) this.calls.set(call.at, call);
    for (const fill of page.fills) this.fills.set([fill.time, fill.price, fill.words].join(), fill);
    if (page.bars.length) this.times = [...this.rows.keys()].sort((a, b) => a - b);
    const { first, edge, decimals, spans } = page;
    Object.assign(this, { first, edge, decimals, spans });
    this.since = Math.min(this.since ?? page.since, page.since);
    this.until = Math.max(this.until ?? page.until, page.until);
    if (page.until === edge) this.open = page.open;
    const added = before.length ? this.times.indexOf(before[0]) : 0;
    return { added, grown: this.times.length - before.length - added, count: before.length };
  }

  get last() { return this.times.length - 1; }

  // The place of the bar that opens at `time`, beyond the newest too; else of the bar before it.
  indexOf(time) {
    const newest = this.times[this.last];
    if (time > newest) return this.last + (time - newest) / this.step;
    let [low, high] = [0, this.last];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
