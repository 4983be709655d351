// What is shown, and looking for words.

const filter = { peers: null, sorts: [], replies: true, topics: new Map(), term: NaN };
/** Topics that say little until they are asked for. */
const QUIET = ["thread", "disk", "state", "end", "mail"];

function startFilter() {
  filter.sorts = run.sorts.map(() => true);
  filter.peers = new Set(run.peers.keys());
  const own = new Set();
  run.topic.forEach((topic, e) => { if (run.mail[e] < 0) own.add(run.texts[topic]); });
  for (const topic of [...own].sort()) filter.topics.set(topic, !QUIET.includes(topic));
  layRows();
}

function mailIsShown(i) {
  const m = run.m;
  if (!filter.sorts[m.sort[i]] || (m.reply[i] && !filter.replies)) return false;
  if (!Number.isNaN(filter.term) && m.term[i] !== filter.term) return false;
  return filter.peers.has(m.from[i]) || filter.peers.has(m.to[i]);
}

function eventIsShown(e) {
  const mail = run.mail[e];
  // What is there as soon as it is sent has no row of its own.
  if (mail >= 0) return mailIsShown(mail) && !(run.m.arrived[mail] === e && run.at[run.m.sent[mail]] === run.at[e]);
  if (run.broken && run.broken.event === e) return true;
  if (run.server[e] >= 0 && !filter.peers.has(run.server[e])) return false;
  return filter.topics.get(run.texts[run.topic[e]]);
}

/** Gives each event that is shown a row. */
function layRows() {
  const rows = new Int32Array(run.count), rowOf = new Float32Array(run.count);
  let count = 0;
  for (let e = 0; e < run.count; e++) {
    if (eventIsShown(e)) { rowOf[e] = count; rows[count++] = e; } else rowOf[e] = count - 0.5;
  }
  view.rows = rows.slice(0, count);
  view.rowOf = rowOf;
}

function filterChanged() {
  layRows();
  moveTo(view.cursor, { center: view.mode === "order" });
}

/** The form by which it is chosen. */
function buildFilter() {
  const box = (label, checked, set) => {
    const input = make("input");
    input.type = "checkbox";
    input.checked = checked;
    input.addEventListener("change", () => { set(input.checked); filterChanged(); });
    return make("label", "", null, input, ` ${label}`);
  };
  const group = (legend, ...inside) => make("fieldset", "", null, make("legend", "", legend), ...inside);
  const sorts = run.sorts.map((name, i) => {
    const swatch = make("span", "swatch");
    swatch.style.background = `var(--${name})`;
    const label = box(name, true, (on) => { filter.sorts[i] = on; });
    label.append(" ", swatch);
    return label;
  });
  const term = make("input");
  term.type = "number";
  term.min = 0;
  term.placeholder = "all";
  term.setAttribute("aria-label", "only messages of this term");
  term.addEventListener("input", () => { filter.term = term.value === "" ? NaN : Number(term.value); filterChanged(); });
  $("filter").replaceChildren(
    group("servers", ...run.peers.map((_, i) => box(i, true, (on) => (on ? filter.peers.add(i) : filter.peers.delete(i))))),
    group("messages", ...sorts, box("replies", true, (on) => { filter.replies = on; })),
    group("term", term),
    group("events", ...[...filter.topics].map(([topic, on]) => box(harmless(topic), on, (now) => filter.topics.set(topic, now)))),
  );
  $("filter").addEventListener("submit", (event) => event.preventDefault());
}

// --- Words ---

let hits = [];

function search(words) {
  words = words.trim().toLowerCase();
  hits = [];
  if (words) {
    const has = run.texts.map((text) => text.toLowerCase().includes(words));
    for (let e = 0; e < run.count; e++) {
      const mail = run.mail[e];
      // A message is found where it is sent.
      if (has[run.text[e]] || (mail >= 0 && run.m.sent[mail] === e && (has[run.m.says[mail]] || (run.m.view[mail] >= 0 && has[run.m.view[mail]])))) hits.push(e);
    }
  }
  $("hits").textContent = words ? `${hits.length} found` : "";
}

function nextHit(direction) {
  if (!hits.length) return;
  let i = direction > 0 ? firstAtLeast(hits, view.cursor + 1) : firstAtLeast(hits, view.cursor) - 1;
  i = (i + hits.length) % hits.length;
  moveTo(hits[i], { center: true, pick: true });
  $("hits").textContent = `${i + 1} of ${hits.length}`;
}
