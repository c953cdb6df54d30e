// What is drawn over the candles: calls, how their trades ended, paper fills, and the open call.
// Every height is that of a price on the scale of the series; nothing is rounded before.

import { HIGH, LOW } from "./known.js";

const TAU = 2 * Math.PI;
const MOST_ENDINGS = 40; // in view: more would hide the candles

export class Marks {
  constructor(owner) {
    this.owner = owner;
    this.views = [{ zOrder: () => "top", renderer: () => ({
      draw: (target) => target.useMediaCoordinateSpace(({ context, mediaSize }) => this.draw(context, mediaSize)),
    }) }];
  }

  attached({ series, requestUpdate }) {
    Object.assign(this, { series, update: requestUpdate });
  }

  update() {}

  paneViews() { return this.views; }

  // The scale reaches to stop and target while the open call is in view.
  autoscaleInfo(_, to) {
    const { open } = this.owner.known;
    if (!open || to < this.owner.known.indexOf(open.time)) return null;
    return { priceRange: { minValue: Math.min(open.stop, open.target), maxValue: Math.max(open.stop, open.target) } };
  }

  x(time) { return this.owner.scale.logicalToCoordinate(this.owner.known.indexOf(time)); }

  y(price) { return this.series.priceToCoordinate(price); }

  draw(context, { width, height }) {
    const { owner } = this;
    this.context = context;
    const range = owner.scale.getVisibleLogicalRange();
    if (!range) return;
    this.size = Math.max(2.5, Math.min(6, 0.5 * width / (range.to - range.from)));
    const inView = (each) => {
      const at = owner.known.indexOf(each.time);
      return at > range.from - 100 && at < range.to + 1;
    };
    if (owner.pinned !== null) this.pin(height);
    if (owner.known.open) this.reach(owner.known.open);
    const isDrawn = (call) => (call.first || call.time === owner.pinned) && inView(call);
    const calls = [...owner.known.calls.values()].filter(isDrawn);
    for (const call of calls) this.call(call, calls.length <= MOST_ENDINGS);
    if (owner.on.fills) for (const fill of owner.known.fills.values()) if (inView(fill)) this.fill(fill);
  }

  // A line through the candle that the address names.
  pin(height) {
    const { context, owner } = this;
    const x = Math.round(this.x(owner.pinned)) + 0.5;
    this.stroke(owner.look.muted, 1, [4, 4]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }

  reach(open) {
    const { context, owner } = this;
    const [left, right] = [this.x(open.time), this.x(open.expires)];
    context.globalAlpha = 0.13;
    for (const [price, colour] of [[open.target, owner.look.long], [open.stop, owner.look.short]]) {
      context.fillStyle = colour;
      context.fillRect(left, this.y(open.entry), right - left, this.y(price) - this.y(open.entry));
    }
    context.globalAlpha = 1;
  }

  call(call, withEnding) {
    const { context, owner, size } = this;
    const x = this.x(call.time);
    const row = owner.known.rows.get(call.time);
    const edge = row ? row[call.long ? LOW : HIGH] : call.entry;
    const away = call.long ? 1 : -1;
    const y = this.y(edge) + away * 6;
    context.fillStyle = call.long ? owner.look.long : owner.look.short;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - size, y + away * 1.6 * size);
    context.lineTo(x + size, y + away * 1.6 * size);
    context.fill();
    if (call.end && withEnding) this.ending(x, call);
  }

  ending(from, call) {
    const { context, owner } = this;
    const [x, y, r] = [this.x(call.end[0]), this.y(call.end[1]), 0.8 * this.size];
    this.stroke(owner.look.muted, 1, [2, 3]);
    context.beginPath();
    context.moveTo(from, this.y(call.entry));
    context.lineTo(x, y);
    context.stroke();
    this.stroke(owner.look.text, 2, []);
    context.beginPath();
    if (call.how === "cross") {
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x + r, y - r);
      context.lineTo(x - r, y + r);
    } else context.arc(x, y, r, 0, TAU);
    context.fillStyle = owner.look.text;
    if (call.how === "tick") context.fill();
    context.stroke();
  }

  // A diamond: filled where a position was opened, hollow where it was closed.
  fill(fill) {
    const { context, owner, size } = this;
    const [x, y] = [this.x(fill.time), this.y(fill.price)];
    this.stroke(fill.long ? owner.look.long : owner.look.short, 1.5, []);
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.closePath();
    context.fillStyle = fill.opened ? context.strokeStyle : owner.look.panel;
    context.fill();
    context.stroke();
  }

  stroke(colour, width, dash) {
    Object.assign(this.context, { strokeStyle: colour, lineWidth: width });
    this.context.setLineDash(dash);
  }
}
