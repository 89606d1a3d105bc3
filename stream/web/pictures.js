// Pictures on canvases: signals, the ribbon of decisions, the spectrum, the histogram. Each is told what to draw.

import { poseOf } from "/hand.js";

/** The colours of the page, as the style sheet has them at present. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ink: of("ink"), soft: of("soft"), line: of("line"), faint: of("faint"), accent: of("accent"), tint: of("accent-soft"), wrong: of("wrong"), paper: of("paper") };
}

/** A canvas as large as it is shown, cleared; null where it is not shown. */
function paper(canvas) {
  const wide = canvas.clientWidth, high = canvas.clientHeight, ratio = Math.min(devicePixelRatio || 1, 2);
  if (!wide || !high) return null;
  const context = canvas.getContext("2d");
  if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(high * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
  return { context, wide, high, ratio };
}

/** The latest columns of all channels: least and greatest value in each. */
export class Strips {
  constructor(about) {
    this.channels = about.channels.length;
    this.run = about.run;
    this.size = Math.ceil(about.columns * 1.3); // what has just left the board is still on the page
    this.perColumn = about.per_column;
    this.values = new Float32Array(this.size * 2 * this.channels).fill(NaN);
    this.stop = 0;
    this.scale = 0;
  }

  /** Take over `count` columns up to the absolute number `stop`. */
  add(stop, count, values) {
    const wide = 2 * this.channels;
    for (let lost = Math.max(this.stop, stop - this.size); lost < stop - count; lost++) this.values.fill(NaN, (lost % this.size) * wide, (lost % this.size + 1) * wide);
    for (let i = 0; i < count; i++) this.values.set(values.subarray(i * wide, (i + 1) * wide), ((stop - count + i) % this.size) * wide);
    this.stop = stop;
  }

  at(column, which, channel) { return this.values[((column % this.size) * 2 + which) * this.channels + channel]; }

  /** Microvolts at the edge of a strip: above nearly all that is shown, in steps, so that it seldom changes. */
  rescale() {
    const seen = [];
    for (let column = Math.max(0, this.stop - this.size); column < this.stop; column += 3) {
      for (let channel = 0; channel < this.channels; channel++) {
        const value = Math.max(-this.at(column, 0, channel), this.at(column, 1, channel));
        if (value === value) seen.push(value);
      }
    }
    if (!seen.length) return this.scale;
    seen.sort((a, b) => a - b);
    const peak = Math.max(seen[Math.floor(seen.length * 0.985)], 1e-3);
    const wanted = rounded(peak);
    if (!this.scale || wanted > this.scale || peak < this.scale * 0.45) this.scale = wanted;
    return this.scale;
  }

  /** Greatest swing of a channel over the last second or so, microvolts. */
  swing(channel) {
    let low = Infinity, high = -Infinity;
    for (let column = Math.max(0, this.stop - this.size / 4 | 0); column < this.stop; column++) {
      low = Math.min(low, this.at(column, 0, channel));
      high = Math.max(high, this.at(column, 1, channel));
    }
    return high >= low ? high - low : NaN;
  }
}

/** 1, 2 or 5 times a power of ten, at or above a value. */
function rounded(value) {
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((k) => k * step).find((each) => each >= value * 0.999);
}

/** Columns of all channels as a picture that grows: each column is drawn once, and then only moved. */
export class Tape {
  constructor() { this.sheet = document.createElement("canvas"); this.key = ""; }

  /** Draw what is new, or everything where size, scale or colour have changed. */
  follow(strips, about, wide, high, ratio, colour) {
    const pixels = Math.round(strips.size * wide * strips.perColumn / (about.strip_s * about.rate_hz) * ratio);
    const column = pixels / ratio / strips.size; // a whole number of pixels in all: the end meets the beginning
    const key = [wide, high, ratio, strips.scale, colour, strips.run].join();
    if (key !== this.key) {
      this.key = key;
      this.sheet.width = pixels;
      this.sheet.height = Math.round(high * ratio);
      this.stop = Math.max(0, strips.stop - strips.size);
    }
    const context = this.sheet.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.1;
    const begin = Math.max(this.stop, strips.stop - strips.size);
    for (let from = begin; from < strips.stop;) { // not over the end of the sheet at once
      const to = Math.min(strips.stop, from + strips.size - from % strips.size);
      this.part(context, strips, from, to, column, high);
      from = to;
    }
    this.stop = strips.stop;
    this.column = column;
  }

  part(context, strips, from, to, column, high) {
    const place = from % strips.size, row = high / strips.channels;
    const right = (place + to - from) * column, left = Math.max(0, (place - 0.5) * column); // joins what is there
    const x = (each) => (place + each - from + 0.5) * column;
    context.save();
    context.clearRect(left, 0, right - left, high);
    context.beginPath();
    context.rect(left, 0, right - left, high);
    context.clip();
    context.beginPath();
    for (let channel = 0; channel < strips.channels; channel++) {
      const middle = (channel + 0.5) * row, unit = row * 0.56 / strips.scale, most = row * 0.62;
      const y = (each, which) => middle - Math.max(-most, Math.min(most, strips.at(each, which, channel) * unit));
      let highs = [], lows = [];
      const close = () => {
        [...highs, ...lows.reverse()].forEach(([at, value], i) => i ? context.lineTo(at, value) : context.moveTo(at, value));
        if (highs.length) context.closePath();
        highs = [];
        lows = [];
      };
      const put = (at, each) => { highs.push([at, y(each, 1)]); lows.push([at, y(each, 0)]); };
      for (let each = Math.max(0, from - Math.min(2, place)); each < to; each++) {
        if (!(strips.at(each, 1, channel) >= strips.at(each, 0, channel))) { close(); continue; }
        if (each % strips.size === 0) put(0, each);
        put(x(each), each);
        if (each === to - 1) put(right, each);
      }
      close();
    }
    context.fill();
    context.stroke();
    context.restore();
  }
}

/** All channels up to the stream index `now`, the window that is judged in the accent. */
export function drawStrips(canvas, tape, strips, about, now, ink) {
  const sheet = paper(canvas);
  if (!sheet || !strips.scale) return;
  const { context, wide, high, ratio } = sheet;
  tape.follow(strips, about, wide, high, ratio, ink.ink);
  const span = about.strip_s * about.rate_hz, each = strips.perColumn;
  const judged = Math.max(0, wide - about.window / span * wide);
  const right = (now / each) % strips.size * tape.column; // where the right edge is on the tape
  const whole = tape.sheet.width / ratio, at = Math.round((wide - right) * ratio) / ratio;
  context.globalAlpha = 0.8;
  for (const from of [at, at - whole]) context.drawImage(tape.sheet, from, 0, whole, high);
  context.globalAlpha = 1;
  context.globalCompositeOperation = "source-atop";
  context.fillStyle = ink.accent;
  context.fillRect(judged, 0, wide - judged, high);
  context.globalCompositeOperation = "destination-over";
  context.globalAlpha = 0.45;
  context.fillStyle = ink.tint;
  context.fillRect(judged, 0, wide - judged, high);
  context.globalCompositeOperation = "source-over";
  context.globalAlpha = 1;
}

/** Decisions of the last `seconds`: what was true above, what was decided below, runs with their names. */
export function drawRibbon(canvas, made, about, now, seconds, verdict, ink) {
  const sheet = paper(canvas);
  if (!sheet) return;
  const { context, wide, high } = sheet;
  const span = seconds * about.rate_hz, x = (index) => wide - (now - index) / span * wide;
  const known = made.some((each) => each.truth >= 0), top = known ? 20 : 2, tall = high - top - 4;
  context.textBaseline = "middle";
  const run = (keyOf, put) => {
    for (let i = 0; i < made.length;) {
      let j = i;
      while (j + 1 < made.length && keyOf(made[j + 1]) === keyOf(made[i]) && made[j + 1].end - made[j].end < 3 * about.hop) j++;
      const from = Math.max(0, x(made[i].end - about.hop)), to = Math.min(wide, x(made[j].end));
      if (to > from) put(made[i], from, to);
      i = j + 1;
    }
  };
  const write = (text, from, to, at, colour, bold) => {
    context.font = `${bold ? 600 : 400} ${bold ? 13 : 12}px ${getComputedStyle(canvas).fontFamily}`;
    const room = to - from - 12;
    if (room < 14) return;
    let shown = text;
    while (shown && context.measureText(shown === text ? text : `${shown}…`).width > room) shown = shown.slice(0, -1);
    if (shown.length < Math.min(text.length, 2)) return;
    if (shown !== text) shown += "…";
    context.fillStyle = colour;
    context.fillText(shown, from + 6, at);
  };
  if (known) run((each) => each.truth, (each, from, to) => {
    if (each.truth < 0) return;
    context.fillStyle = ink.line;
    context.fillRect(from, top - 4, Math.max(1, to - from - 2), 2);
    write(about.names[each.truth], from - 6, to, 8, ink.soft, false);
  });
  run((each) => `${each.decided} ${verdict(each)}`, (each, from, to) => {
    const room = Math.max(1, to - from - (to - from > 6 ? 1.5 : 0)), right = verdict(each);
    if (each.decided < 0) {
      context.fillStyle = right === false ? ink.wrong : ink.soft;
      context.fillRect(from, top + tall / 2 - 1, room, 2);
    } else if (right === false) {
      context.fillStyle = ink.wrong;
      context.fillRect(from, top + tall * 0.45, room, tall * 0.55);
      context.strokeStyle = ink.wrong;
      context.lineWidth = 1.6;
      const middle = from + room / 2, at = top + tall * 0.2, arm = Math.min(4, room / 2);
      context.beginPath();
      context.moveTo(middle - arm, at - 4); context.lineTo(middle + arm, at + 4);
      context.moveTo(middle + arm, at - 4); context.lineTo(middle - arm, at + 4);
      context.stroke();
      write(about.labels[each.decided], from, to, top + tall * 0.73, ink.paper, true);
    } else {
      const quiet = poseOf(about.labels[each.decided]).name === "rest"; // what stands out is what the hand does
      context.fillStyle = quiet ? ink.tint : ink.accent;
      context.fillRect(from, top, room, tall);
      write(about.labels[each.decided], from, to, top + tall / 2, quiet ? ink.ink : ink.paper, true);
    }
  });
}

/** Amplitude by frequency of one channel, or of all with their mean in the accent; the mains marked. */
export function drawSpectrum(canvas, bins, channels, chosen, rateHz, mains, ink) {
  const sheet = paper(canvas);
  if (!sheet || !bins) return;
  const { context, wide, high } = sheet;
  const count = bins.length / channels, floor = high - 16;
  const mean = (bin) => { let sum = 0; for (let c = 0; c < channels; c++) sum += bins[bin * channels + c]; return sum / channels; };
  const of = (bin, channel) => channel < 0 ? mean(bin) : bins[bin * channels + channel];
  let most = 1e-6;
  for (let bin = 1; bin < count; bin++) for (let c = 0; c < channels; c++) most = Math.max(most, bins[bin * channels + c]);
  const top = Math.log10(rounded(most)), low = top - 3;
  const x = (bin) => (bin + 0.5) / count * wide;
  const y = (value) => floor - Math.max(0, Math.min(1, (Math.log10(Math.max(value, 1e-9)) - low) / (top - low))) * (floor - 4);
  context.fillStyle = context.strokeStyle = ink.soft;
  context.lineWidth = 1;
  if (mains) {
    for (let hz = mains; hz < rateHz / 2; hz += mains) {
      const at = Math.round(hz / (rateHz / 2) * wide) + 0.5;
      context.setLineDash([2, 3]);
      context.globalAlpha = hz === mains ? 1 : 0.35;
      context.beginPath(); context.moveTo(at, 4); context.lineTo(at, floor); context.stroke();
      context.setLineDash([]);
      if (hz === mains) context.fillText(`${mains} Hz mains`, at + 4, 12);
    }
    context.globalAlpha = 1;
  }
  const line = (channel, colour, width, alpha) => {
    context.beginPath();
    for (let bin = 1; bin < count; bin++) context.lineTo(x(bin), y(of(bin, channel)));
    context.strokeStyle = colour; context.lineWidth = width; context.globalAlpha = alpha;
    context.stroke();
    context.globalAlpha = 1;
  };
  for (let c = 0; c < channels; c++) line(c, ink.soft, 0.8, c === chosen ? 0 : 0.26);
  line(chosen, ink.accent, 2, 1);
  base(context, wide, floor, ink);
  context.fillStyle = ink.soft;
  context.textAlign = "right";
  context.fillText(`to ${Number((10 ** top).toPrecision(2))} µV/√Hz, three decades`, wide, 12);
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const hz = Math.round(share * rateHz / 2), text = share === 1 ? `${hz} Hz` : String(hz);
    context.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
    context.fillText(text, share * wide, high - 3);
  }
  context.textAlign = "left";
}

/** How many decisions took how long, on a logarithmic axis, with the median and the 99th percentile. */
export function drawHistogram(canvas, counts, edges, p50, p99, ink) {
  const sheet = paper(canvas);
  if (!sheet || !counts || !counts.length) return;
  const { context, wide, high } = sheet;
  const seen = counts.map((count, i) => count ? i : -1).filter((i) => i >= 0), floor = high - 16;
  const low = Math.log10(Math.min(5e-4, edges[seen[0] ?? 20])), top = Math.log10(Math.max(0.1, edges[(seen.at(-1) ?? 20) + 1]));
  const x = (s) => (Math.log10(s) - low) / (top - low) * wide;
  const most = Math.max(...counts, 1);
  context.fillStyle = ink.accent;
  for (const i of seen) {
    const from = x(edges[i]), tall = Math.max(2, Math.sqrt(counts[i] / most) * (floor - 20));
    context.fillRect(from + 1, floor - tall, Math.max(1, x(edges[i + 1]) - from - 2), tall);
  }
  base(context, wide, floor, ink);
  context.fillStyle = context.strokeStyle = ink.ink;
  context.lineWidth = 1;
  for (const [name, ms] of [["p50", p50], ["p99", p99]]) {
    if (ms === null || ms === undefined) continue;
    const at = Math.round(x(ms / 1e3)) + 0.5;
    context.beginPath(); context.moveTo(at, name === "p50" ? 13 : 13); context.lineTo(at, floor); context.stroke();
    context.textAlign = name === "p50" ? "right" : "left";
    context.fillText(name, at, 9);
  }
  context.fillStyle = ink.soft;
  for (const [s, text] of [[1e-3, "1"], [1e-2, "10"], [1e-1, "100 ms"], [1, "1 s"]]) {
    if (Math.log10(s) < low || Math.log10(s) > top + 0.001) continue;
    context.textAlign = Math.log10(s) > top - 0.15 ? "right" : "center";
    context.fillText(text, Math.min(wide, x(s)), high - 3);
  }
  context.textAlign = "left";
}

function base(context, wide, floor, ink) {
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  context.beginPath(); context.moveTo(0, floor + 0.5); context.lineTo(wide, floor + 0.5); context.stroke();
}
