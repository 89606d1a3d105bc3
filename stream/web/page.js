// The page: takes frames, keeps all decisions, draws. It says nothing to the server but that a frame was shown.

import { Hand } from "/hand.js";
import { Strips, Tape, colours, drawHistogram, drawRibbon, drawSpectrum, drawStrips } from "/pictures.js";
import { tables } from "/tables.js";

const $ = (id) => document.getElementById(id);
const KEPT = 100000, RIBBON_S = 30, MOST = 8;
const SYMBOLS = { good: "●", flat: "▁", railed: "▔", hum: "∿", broken: "✕" };
const STATES = { connecting: "connecting", waiting: "waiting for the device", live: "live", paused: "paused", calibrating: "calibrating; it goes on afterwards", ended: "ended", lost: "not connected; trying again" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** What is known; tests and the curious read it as `myostream` in the console. */
const my = window.myostream = { about: null, page: null, decisions: [], missed: 0, events: [], contacts: [], spectrum: null, mains: 0, latency: [], frames: 0, drawn: 0, state: "connecting", ended: false };
const tape = new Tape();
let strips = null, shown = NaN, stamp = 0, came = 0, acknowledge = null, ink = null, spokenAt = 0, spoken = "", since = 0, last = "";
const hand = new Hand($("hand"));
hand.to(null, true);

// --- the connection

let wait = 500;
function connect() {
  const query = my.about && !my.ended ? `?run=${my.about.run}&since=${next()}` : "";
  const socket = new WebSocket(`ws://${location.host}/frames${query}`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    wait = 500;
    take(data);
    const reply = () => { acknowledge = null; if (socket.readyState === 1) socket.send("ok"); };
    acknowledge = reply;
    setTimeout(() => { if (acknowledge === reply) reply(); }, 1000); // a page in the background does not draw
  };
  socket.onclose = () => {
    acknowledge = null;
    if (!my.ended) tell("lost");
    setTimeout(connect, wait);
    wait = Math.min(wait * 1.5, 4000);
  };
}

const next = () => my.decisions.length ? my.decisions.at(-1).number + 1 : 0;

function take(data) {
  const length = new DataView(data).getUint32(0, true);
  const text = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const floats = (count) => { const block = new Float32Array(data, at, count); at += 4 * count; return block; };
  my.frames++;
  came = performance.now();
  if (text.about) begin(text.about);
  const wide = my.about.channels.length;
  if (text.page) {
    my.page = text.page;
    strips.add(text.columns.stop, text.columns.count, floats(text.columns.count * 2 * wide));
  }
  remember(text.decisions);
  if (text.events) { my.events.push(...text.events.filter(([number]) => number >= (my.events.at(-1)?.[0] ?? -1) + 1)); listEvents(); }
  if (text.latency) { my.latency = text.latency; my.mains = text.mains; if (text.contacts.length) listContacts(text.contacts); }
  if (text.spectrum) my.spectrum = floats(text.spectrum * wide).slice();
  my.ended = text.ended;
  tell(my.ended ? (text.calibrating ? "calibrating" : "ended") : !my.page || my.page.waiting ? "waiting" : my.page.paused ? "paused" : "live");
}

function remember({ from, made }) {
  if (!made.length) return;
  if (from > next()) my.missed += from - next();
  made.forEach(([end, decided, truth, confidence], i) => {
    const number = from + i;
    if (number >= next()) my.decisions.push({ number, end, decided, truth, confidence, label: decided < 0 ? null : my.about.labels[decided] });
  });
  if (my.decisions.length > KEPT + 5000) my.decisions.splice(0, my.decisions.length - KEPT);
}

// --- what does not change while a stream runs

function begin(about) {
  const again = my.about && my.about.run === about.run;
  my.about = about;
  strips = new Strips(about);
  shown = NaN;
  if (again) return;
  Object.assign(my, { page: null, decisions: [], missed: 0, events: [], contacts: [], spectrum: null, latency: [], ended: false });
  $("events").replaceChildren();
  document.title = `${about.title} · myostream`;
  $("title").textContent = about.title;
  const simulated = about.simulated && !about.title.includes("simulated") ? "simulated · " : "";
  $("subtitle").textContent = `${simulated}${about.channels.length} channels · ${about.rate_hz} Hz · ${about.checkpoint}`;
  $("axis-begin").textContent = `−${about.strip_s} s`;
  $("axis-window").textContent = `shaded: the window that is judged, ${Math.round(about.window / about.rate_hz * 1e3)} ms`;
  $("of").replaceChildren(option("all channels", -1), ...about.channels.map((name, i) => option(name, i)));
  listContacts(about.channels.map(() => ""));
  $("shares").dataset.more = about.labels.length > MOST ? `the ${MOST} likeliest of ${about.labels.length}` : "";
  $("shares").replaceChildren(...about.labels.map(share));
}

const option = (text, value) => new Option(text, value);

function share(label) {
  const row = document.createElement("li");
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("aria-hidden", "true");
  new Hand(picture, "-1.2 -2.3 2.4 2.6").to(label, true);
  const name = make("span", "name-of", label), track = make("span", "track"), fill = make("div", "fill");
  name.title = label;
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  row.append(picture, name, track, make("span", "figure", ""));
  return row;
}

function make(tag, kind, text = "") { const each = document.createElement(tag); each.className = kind; each.textContent = text; return each; }

function listContacts(words) {
  if (words.join() === my.contacts.join() && words.length === $("channels").children.length) return;
  my.contacts = words;
  $("channels").className = words.length > 24 ? "many dense" : words.length > 12 ? "many" : "";
  $("channels").replaceChildren(...words.map((word, i) => {
    const row = make("li", word && word !== "good" ? "bad" : ""), quality = make("span", "", word);
    if (word) { const symbol = make("i", "", SYMBOLS[word] ?? "?"); symbol.setAttribute("aria-hidden", "true"); quality.prepend(symbol); }
    const name = make("b", "", my.about.channels[i]);
    name.title = my.about.channels[i];
    row.append(name, quality);
    return row;
  }));
}

function listEvents() {
  $("events").replaceChildren(...my.events.slice(-200).reverse().map(([, at, text]) => {
    const row = document.createElement("li"), when = document.createElement("time");
    when.textContent = clock(at / my.about.rate_hz);
    row.append(when, make("span", "", text));
    return row;
  }));
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// --- what changes

function tell(state) {
  my.state = state;
  document.body.dataset.state = state;
  if ($("state-word").textContent !== STATES[state]) $("state-word").textContent = STATES[state];
}

/** Whether a decision was right; null where nobody knows. */
function verdict({ decided, truth }) {
  if (truth === -2) return null;
  return decided === (truth < my.about.labels.length ? truth : -1);
}

function showDecision() {
  const { about, page } = my;
  if (!page) return;
  const none = page.decided < 0, label = none ? "no decision" : about.labels[page.decided];
  write("decided", label);
  $("decided").className = none ? "none" : "";
  $("decided").style.setProperty("--letters", Math.max(label.length * 0.95, 5));
  $("hand").classList.toggle("unsure", none);
  if (last !== label) { hand.to(none ? null : label, calm.matches); $("hand").setAttribute("aria-label", none ? "A hand at rest" : `A hand: ${label}`); }
  const sure = page.confidence === null ? "" : `${Math.round(page.confidence * 100)} % sure`;
  write("sure", none ? " " : sure);
  const right = verdict(page), truth = page.truth < 0 ? "" : about.names[page.truth];
  const told = `${right}${truth}`;
  if ($("truth").dataset.told !== told) {
    $("truth").dataset.told = told;
    $("truth").className = right === null ? "" : right ? "right" : "wrong";
    if (truth) { const name = make("b", "", truth); $("truth").replaceChildren(make("span", "mark", right ? "✓" : "✗"), right ? "right: " : "in truth: ", name); } else $("truth").replaceChildren();
  }
  const best = page.shares.indexOf(Math.max(...page.shares));
  const least = [...page.shares].sort((a, b) => b - a)[MOST - 1] ?? -1;
  let left = MOST; // of many gestures, those that may be meant
  [...$("shares").children].forEach((row, i) => {
    row.hidden = i !== best && (page.shares[i] < least || left-- <= 0);
    row.className = i === best ? "best" : "";
    row.querySelector(".fill").style.transform = `scaleX(${page.shares[i] ?? 0})`;
    row.lastChild.textContent = `${Math.round((page.shares[i] ?? 0) * 100)} %`;
  });
  if (last !== label) { last = label; since = performance.now(); }
  speak(label, sure, right);
}

/** Says a decision that has held for a while to who listens, and not too often. */
function speak(label, sure, right) {
  const now = performance.now();
  if (label === spoken || now - since < 600 || now - spokenAt < 3000) return;
  spoken = label;
  spokenAt = now;
  $("spoken").textContent = `${label}${label === "no decision" ? "" : `, ${sure}`}${right === false ? ", wrong" : ""}`;
}

function write(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }

function showFigures() {
  const { about, page } = my;
  write("notice", page?.notice ?? "");
  if (!page) return;
  const total = about.length ? ` / ${clock(about.length / about.rate_hz)}` : "";
  const speed = about.speed === 1 ? "" : about.speed ? `${about.speed} × real time · ` : "as fast as possible · ";
  write("clock", `${speed}${clock(page.end / about.rate_hz)}${total}`);
  write("scale", strips.scale ? `row: ± ${Number((strips.scale * 0.9).toPrecision(2))} µV` : "");
  figures("quantiles", [["p50", ms(page.p50_ms)], ["p99", `${ms(page.p99_ms)} ms`]]);
  const score = [["decisions", page.decisions]];
  if (page.counted) score.push(["right", `${(page.right / page.counted * 100).toFixed(1)} %`]);
  figures("score", score);
  figures("counts", [["lost", page.dropped, page.dropped], ["late", page.late, page.late], ["skipped", page.skipped, page.skipped]]);
}

const ms = (value) => value === null ? "–" : value.toFixed(1);

function figures(id, pairs) {
  const text = pairs.flat().join();
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...pairs.flatMap(([name, value, bad]) => [`${name} `, make("b", bad ? "wrong" : "", String(value)), "\u2002"]));
}

// --- drawing

/** The stream index at the right edge: runs with the clock, a little behind the newest page, and never beyond it. */
function scroll(seconds) {
  const { about, page } = my;
  if (about.speed === 0 || calm.matches) return page.end;
  const rate = about.rate_hz * about.speed, wanted = page.end - Math.min(about.hop * 0.6, rate * 0.1) + Math.min(performance.now() - came, 100) / 1e3 * rate * 0.5;
  if (!(Math.abs(shown - page.end) < about.rate_hz * Math.max(about.speed, 1))) return page.end - about.hop;
  const next = shown + seconds * rate;
  return Math.min(page.end, next + (wanted - next) * Math.min(1, seconds * 3));
}

/** Least milliseconds between two pictures: where there are few cores, recognition may be waiting for one of them. */
const least = navigator.hardwareConcurrency > 4 ? 0 : 1e3 / 36;

let slowly = 0, tabled = 0;
function draw(moment) {
  requestAnimationFrame(draw);
  if (moment - stamp < least - 3) return;
  const seconds = Math.min((moment - stamp) / 1e3, 0.25);
  if (calm.matches && moment - stamp < 500 && !acknowledge) return;
  stamp = moment;
  if (my.about && my.page) {
    ink ??= colours();
    shown = scroll(seconds);
    drawStrips($("strips"), tape, strips, my.about, shown, ink);
    showDecision();
    if (moment - slowly > (calm.matches ? 480 : 90)) {
      slowly = moment;
      strips.rescale();
      drawRibbon($("ribbon"), recent(RIBBON_S), my.about, my.page.end, RIBBON_S, verdict, ink);
      drawSpectrum($("amplitudes"), my.spectrum, my.about.channels.length, Number($("of").value), my.about.rate_hz, my.mains, ink);
      drawHistogram($("histogram"), my.latency, my.about.edges_s, my.page.p50_ms, my.page.p99_ms, ink);
      showFigures();
    }
    if (moment - tabled > 1000) { tabled = moment; describe(); }
    my.drawn++;
  }
  hand.step(seconds);
  acknowledge?.();
}

function recent(seconds) {
  const begin = my.page.end - seconds * my.about.rate_hz;
  let at = my.decisions.length;
  while (at > 0 && my.decisions[at - 1].end > begin) at--;
  return my.decisions.slice(at);
}

/** In words what the pictures show, for who does not see them. */
function describe() {
  const { about, page } = my;
  const bad = about.channels.filter((_, i) => my.contacts[i] && my.contacts[i] !== "good");
  $("strips").setAttribute("aria-label", `Signals of ${about.channels.length} channels over the last ${about.strip_s} seconds; ${bad.length ? `bad contact: ${bad.join(", ")}` : "contacts good"}`);
  const past = recent(RIBBON_S), wrong = past.filter((each) => verdict(each) === false).length;
  $("ribbon").setAttribute("aria-label", `${past.length} decisions in the last ${RIBBON_S} seconds, ${wrong} of them wrong`);
  $("histogram").setAttribute("aria-label", `Latency: half of all decisions within ${ms(page.p50_ms)}, 99 of 100 within ${ms(page.p99_ms)} milliseconds`);
  $("amplitudes").setAttribute("aria-label", `Spectrum of the raw signal; ${my.mains ? `mains at ${my.mains} hertz stand out` : "no mains stand out"}`);
  if ($("tables").open) $("tables-body").replaceChildren(...tables(my, strips, verdict));
}

// --- buttons and keys

function stage(on = !document.body.classList.contains("stage")) {
  document.body.classList.toggle("stage", on);
  $("stage").setAttribute("aria-pressed", String(on));
  if (on && document.fullscreenEnabled) document.documentElement.requestFullscreen().catch(() => {});
  if (!on && document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

const night = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try { chosen = localStorage.getItem("theme"); } catch { /* it is not allowed to keep anything */ }
function theme(choice) {
  if (choice) { chosen = choice; try { localStorage.setItem("theme", choice); } catch { /* the same */ } }
  const now = chosen ?? (night.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now;
  $("theme").firstChild.textContent = now === "dark" ? "Light " : "Dark ";
  ink = null;
}
const other = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

$("stage").onclick = () => stage();
$("theme").onclick = other;
night.onchange = () => theme();
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) stage(false); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
  if (event.key === "f") stage();
  else if (event.key === "t") other();
  else if (event.key === "Escape") stage(false);
});
$("tables").ontoggle = () => { if (my.page) describe(); };
$("of").onchange = () => { slowly = 0; };

theme();
connect();
requestAnimationFrame(draw);
