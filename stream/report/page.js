"use strict";
// Looking closer at the picture over time: zoom, and what was said at a moment. The page is whole without it.
(() => {
  const DRAWN = 1600, MISSING = -128, LANE = 28, LEAST_S = 0.5, STEPS = [
    0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600,
  ];
  const stack = document.getElementById("stack");
  const controls = document.getElementById("controls");
  if (!stack || !controls) return;
  const told = JSON.parse(document.getElementById("data").textContent);
  const bytes = (text, kind) => new kind(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);
  const signal = bytes(told.signal, Int8Array);
  const said = bytes(told.said, Int8Array), truth = bytes(told.truth, Int8Array);
  const confidence = bytes(told.confidence, Uint8Array), probabilities = bytes(told.probabilities, Uint8Array);
  const ends = [];
  for (const [step, count] of told.ends) {
    for (let k = 0; k < count; k += 1) ends.push((ends.length ? ends[ends.length - 1] : 0) + step);
  }
  const whole = told.seen / told.rate, W = told.seen / told.per;
  let from = 0, to = whole, at = null;

  const make = (name, inside = {}, ...parts) => {
    const one = Object.assign(document.createElement(name), inside);
    one.append(...parts);
    return one;
  };
  const later = make("button", { type: "button", textContent: "Closer" });
  const wider = make("button", { type: "button", textContent: "Wider" });
  const all = make("button", { type: "button", textContent: "Whole" });
  const slider = make("input", { type: "range", min: 0, max: Math.max(0, ends.length - 1), value: 0, step: 1 });
  slider.setAttribute("aria-label", "Decision to look at");
  const output = make("output", { textContent: "Point at a moment, or drag across a stretch to look closer." });
  controls.className = "look";
  controls.append(later, wider, all, ...(ends.length ? [slider] : []), output);
  const cursor = make("div", { className: "cursor", hidden: true });
  const chosen = make("div", { className: "chosen", hidden: true });
  const plot = make("div", { className: "plot" }, cursor, chosen);
  const axis = stack.querySelector(".axis");
  plot.style.gridRow = axis.style.gridRow;
  stack.append(plot);
  const drawings = [...stack.querySelectorAll(".row svg")].map((one) => ({ one, box: one.viewBox.baseVal }));

  // The first decision whose window ends after a moment, less one: what stood announced then.
  const standing = (seconds) => {
    let low = 0, high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] <= seconds * told.rate) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const envelope = (channel, first, stop, each) => {
    let path = "", there = [], back = [];
    const close = () => {
      if (there.length) path += `M${there.join("L")}L${back.reverse().join("L")}z`;
      there = []; back = [];
    };
    for (let k = first; k < stop; k += each) {
      let low = 127, high = -127, known = false;
      for (let j = k; j < Math.min(k + each, told.columns); j += 1) {
        const place = 2 * (channel * told.columns + j);
        if (signal[place] === MISSING) continue;
        known = true;
        low = Math.min(low, signal[place]); high = Math.max(high, signal[place + 1]);
      }
      if (!known) { close(); continue; }
      there.push(`${k} ${-high}`); back.push(`${k} ${-low}`);
    }
    close();
    return path;
  };

  const curve = (label, first, stop, each) => {
    let path = "", last = null;
    for (let k = first; k < stop; k += each) {
      const until = Math.min(k + each, stop);
      let sum = 0;
      for (let j = k; j < until; j += 1) sum += probabilities[label * ends.length + j];
      const right = Math.min(until < ends.length ? ends[until] : Infinity, ends[until - 1] + told.hop, told.seen);
      const left = ends[k] / told.per, top = LANE * (1 - sum / (until - k) / 255);
      if (last === null || left > last + 1e-6) path += `${last === null ? "" : `V${LANE}z`}M${left} ${LANE}`;
      last = right / told.per;
      path += `V${top.toFixed(1)}H${last}`;
    }
    return path && `${path}V${LANE}z`;
  };

  const clock = (seconds, step) => {
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    if (whole < 120) return `${seconds.toFixed(digits)} s`;
    const minutes = Math.floor(seconds / 60 + 1e-9);
    return `${minutes}:${(seconds - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
  };

  const ticks = () => {
    const step = STEPS.find((one) => (to - from) / one <= 8) || STEPS[STEPS.length - 1];
    const found = [];
    for (let k = Math.ceil(from / step - 1e-9); k * step <= from + 0.97 * (to - from); k += 1) {
      const tick = make("span", { textContent: clock(k * step, step) });
      tick.style.left = `${(100 * (k * step - from)) / (to - from)}%`;
      found.push(tick);
    }
    axis.replaceChildren(...found);
  };

  const draw = () => {
    const left = (from * told.rate) / told.per, wide = ((to - from) * told.rate) / told.per;
    for (const { one, box } of drawings) one.setAttribute("viewBox", `${left} ${box.y} ${wide} ${box.height}`);
    const first = Math.max(0, Math.floor(left) - 1), stop = Math.min(told.columns, Math.ceil(left + wide) + 2);
    const each = Math.max(1, Math.floor((stop - first) / DRAWN));
    for (const path of stack.querySelectorAll("[data-channel]")) {
      path.setAttribute("d", envelope(Number(path.dataset.channel), first - (first % each), stop, each));
    }
    const begin = Math.max(0, standing(from)), end = Math.min(ends.length, standing(to) + 2);
    for (const path of stack.querySelectorAll("[data-label]")) {
      const every = Math.max(1, Math.floor((end - begin) / DRAWN));
      path.setAttribute("d", curve(Number(path.dataset.label), begin, end, every));
    }
    ticks();
    later.disabled = to - from <= LEAST_S * 1.01;
    wider.disabled = all.disabled = to - from >= whole * 0.999;
    place();
  };

  const place = () => {
    cursor.hidden = at === null || at < from || at > to;
    if (at !== null) cursor.style.left = `${(100 * (at - from)) / (to - from)}%`;
  };

  const tell = (k) => {
    if (k < 0 || k >= ends.length) return `${clock(at, 0.01)}: no decision yet`;
    const name = said[k] < 0 ? "abstained" : `decided ${told.labels[said[k]]}, ${Math.round(confidence[k] / 2.55)}%`;
    const true_ = truth[k] < 0 ? "" : `true ${told.names[truth[k]]}; `;
    const rows = told.labels.map((label, j) => [label, probabilities[j * ends.length + k] / 2.55]);
    const others = rows.sort((a, b) => b[1] - a[1]).slice(0, 3).map(([label, share]) => `${label} ${Math.round(share)}%`);
    return `${clock(ends[k] / told.rate, 0.01)}: ${true_}${name}. Probabilities: ${others.join(", ")}`;
  };

  const show = (seconds) => {
    at = seconds;
    const k = standing(seconds);
    output.textContent = tell(k);
    if (k >= 0) { slider.value = k; slider.setAttribute("aria-valuetext", output.textContent); }
    place();
  };

  const look = (begin, end) => {
    const wide = Math.min(whole, Math.max(Math.min(LEAST_S, whole), end - begin));
    from = Math.min(Math.max(0, (begin + end - wide) / 2), whole - wide);
    to = from + wide;
    draw();
  };
  const scale = (factor) => {
    const middle = at !== null && at >= from && at <= to ? at : (from + to) / 2;
    look(middle - (middle - from) * factor, middle + (to - middle) * factor);
  };
  later.addEventListener("click", () => scale(0.5));
  wider.addEventListener("click", () => scale(2));
  all.addEventListener("click", () => look(0, whole));
  slider.addEventListener("input", () => {
    const seconds = ends[Number(slider.value)] / told.rate;
    if (seconds < from || seconds > to) look(seconds - (to - from) / 2, seconds + (to - from) / 2);
    show(seconds);
  });

  const moment = (event) => {
    const box = plot.getBoundingClientRect();
    return from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
  };
  let held = null;
  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = moment(event);
    plot.setPointerCapture(event.pointerId);
    show(held);
  });
  plot.addEventListener("pointermove", (event) => {
    const now = moment(event);
    show(now);
    if (held === null) return;
    chosen.hidden = false;
    chosen.style.left = `${(100 * (Math.min(held, now) - from)) / (to - from)}%`;
    chosen.style.width = `${(100 * Math.abs(now - held)) / (to - from)}%`;
  });
  const release = (event) => {
    chosen.hidden = true;
    const begin = held, end = moment(event);
    held = null;
    if (event.type === "pointerup" && begin !== null && Math.abs(end - begin) > 0.02 * (to - from)) {
      look(Math.min(begin, end), Math.max(begin, end));
    }
  };
  plot.addEventListener("pointerup", release);
  plot.addEventListener("pointercancel", release);
  plot.addEventListener("dblclick", () => look(0, whole));
  draw();
})();
