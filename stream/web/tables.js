// The same as the pictures, in words and numbers.

/** Tables of what is known at present. */
export function tables(my, strips, verdict) {
  const { about } = my;
  const count = about.channels.length, bins = my.spectrum ? my.spectrum.length / count : 0;
  const strongest = (channel) => {
    let best = 1;
    for (let bin = 2; bin < bins; bin++) if (my.spectrum[bin * count + channel] > my.spectrum[best * count + channel]) best = bin;
    return bins ? `${Math.round((best + 0.5) / bins * about.rate_hz / 2)} Hz` : "–";
  };
  const said = (each) => { const right = verdict(each); return right === null ? "–" : right ? "right" : "wrong"; };
  const swing = (channel) => { const uv = strips.swing(channel); return Number.isFinite(uv) ? `${uv.toFixed(0)} µV` : "–"; };
  return [
    table("Channels", ["channel", "contact", "swing, last second", "strongest at"], about.channels.map((name, i) => [name, my.contacts[i] || "–", swing(i), strongest(i)])),
    table("Probabilities", ["gesture", "probability"], about.labels.map((label, i) => [label, `${Math.round((my.page.shares[i] ?? 0) * 100)} %`])),
    table("Latest decisions", ["at", "decided", "sure", "true", ""], my.decisions.slice(-15).reverse().map((each) => [`${(each.end / about.rate_hz).toFixed(2)} s`, each.label ?? "no decision", `${Math.round(each.confidence * 100)} %`, each.truth < 0 ? "–" : about.names[each.truth], said(each)])),
    table("Sample to decision", ["up to", "decisions"], my.latency.map((n, i) => [`${(about.edges_s[i + 1] * 1e3).toPrecision(2)} ms`, n]).filter(([, n]) => n)),
  ];
}

function table(caption, heads, rows) {
  const whole = document.createElement("table");
  whole.createCaption().textContent = caption;
  const head = whole.createTHead().insertRow();
  for (const text of heads) { const cell = document.createElement(text ? "th" : "td"); cell.textContent = text; if (text) cell.scope = "col"; head.append(cell); }
  const body = whole.createTBody();
  for (const row of rows) { const line = body.insertRow(); for (const text of row) line.insertCell().textContent = text; }
  return whole;
}
