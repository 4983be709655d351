// Where we are: the moment, the scale, what is picked. Who shows something of it asks to be told of changes.

const view = {
  mode: "order",      // "order": a row for each event that is shown; "time": true to time
  top: 0,             // the axis' value at the upper edge
  zoom: 18,           // pixels of a unit of the axis
  cursor: 0,          // the event that the panel shows
  now: 0,             // its time, or a later one while time is played
  picked: -1,         // the event that the details are about
  server: -1,         // the server that n and p step along; -1: all
  lit: null,          // events that led to the picked one
  height: 100,        // pixels of the diagram below its heading
  rows: new Int32Array(0),        // the events that are shown, in order
  rowOf: new Float32Array(0),     // the row of each event; hidden ones lie between rows
};

const watchers = [];
const changed = soon(() => watchers.forEach((tell) => tell()));

/** Has `tell` called after changes: after all of them, or after those of what `of` returns. */
function onChange(tell, of = null) {
  let known = null;
  watchers.push(() => {
    const now = of && of();
    if (now && known && now.every((value, i) => value === known[i])) return;
    known = now;
    tell();
  });
}

/** What is looked at, without how far it is scrolled. */
const moment = () => [view.cursor, view.now, view.picked, view.lit, view.rows, view.mode];

/** An event's place on the axis. */
const axisOf = (event) => (view.mode === "order" ? view.rowOf[event] : run.at[event]);
/** The axis' ends. */
const axisEnd = () => (view.mode === "order" ? Math.max(0, view.rows.length - 1) : run.end);
const yOf = (axis) => (axis - view.top) * view.zoom;
const axisAt = (y) => view.top + y / view.zoom;

/** The last event at or before a place on the axis. */
function eventAt(axis) {
  if (view.mode === "order") return view.rows.length ? view.rows[clamp(Math.round(axis), 0, view.rows.length - 1)] : 0;
  return Math.max(0, lastAtMost(run.at, axis));
}

/** First and last event that may be seen. */
function seen() {
  const low = view.top - 2 / view.zoom, high = axisAt(view.height) + 2 / view.zoom;
  if (view.mode === "time") return [firstAtLeast(run.at, low), Math.max(0, lastAtMost(run.at, high))];
  if (!view.rows.length) return [0, -1];
  const last = view.rows.length - 1;
  return [low <= 0 ? 0 : view.rows[clamp(Math.floor(low), 0, last)], high >= last ? run.count - 1 : view.rows[clamp(Math.ceil(high), 0, last)]];
}

/** Scrolls no further than a little beyond the ends. */
function hold() {
  const page = view.height / view.zoom, margin = page * 0.5;
  view.top = clamp(view.top, -margin, Math.max(-margin, axisEnd() - page + margin));
}

function moveTo(event, { center = false, pick = false } = {}) {
  view.cursor = clamp(event, 0, Math.max(0, run.count - 1));
  view.now = run.at[view.cursor] || 0;
  if (pick) pickEvent(view.cursor);
  const y = yOf(axisOf(view.cursor));
  if (center || y < 30 || y > view.height - 30) view.top = axisOf(view.cursor) - view.height * (center ? 0.6 : y < 30 ? 0.3 : 0.7) / view.zoom;
  hold();
  changed();
}

function pickEvent(event) {
  view.picked = event;
  if (view.lit) view.lit = event < 0 ? null : past(event);
  changed();
}

/** The next event in a direction that is shown, and fits. */
function step(direction, fits = () => true) {
  const rows = view.rows;
  let i = direction > 0 ? firstAtLeast(rows, view.cursor + 1) : firstAtLeast(rows, view.cursor) - 1;
  while (i >= 0 && i < rows.length && !fits(rows[i])) i += direction;
  if (i >= 0 && i < rows.length) moveTo(rows[i], { pick: true });
}

function zoomBy(factor, y = view.height / 2) {
  const axis = axisAt(y);
  const least = view.height / Math.max(1, axisEnd()) / 2;
  const most = view.mode === "order" ? 60 : 1e-2;
  view.zoom = clamp(view.zoom * factor, Math.min(least, most), most);
  view.top = axis - y / view.zoom;
  hold();
  changed();
}

function setMode(mode) {
  if (mode === view.mode) return;
  const y = clamp(yOf(axisOf(view.cursor)), 0, view.height);
  const [first, last] = seen();
  const span = Math.max(1e6, run.at[last] - run.at[first]);
  const rows = Math.max(1, view.rowOf[last] - view.rowOf[first]);
  view.mode = mode;
  view.zoom = mode === "time" ? clamp(view.height / span, view.height / Math.max(1, run.end) / 2, 1e-2) : clamp(view.height / rows, 4, 24);
  view.top = axisOf(view.cursor) - y / view.zoom;
  hold();
  changed();
}

// --- The moment in the address ---

const remember = (() => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const parts = [`t=${seconds(run.at[view.cursor] || 0, 9)}`, `e=${view.cursor}`, `m=${view.mode}`, `z=${view.zoom.toPrecision(4)}`];
      if (view.lit) parts.push("why=1");
      try { history.replaceState(null, "", `#${parts.join("&")}`); } catch { /* some browsers forbid it for files */ }
    }, 200);
  };
})();

/** Goes to the moment that the address names, if it names one. */
function recall() {
  const named = new URLSearchParams(location.hash.slice(1));
  if (!named.has("t") && !named.has("e")) return false;
  if (named.get("m") === "time") setMode("time");
  if (Number(named.get("z")) > 0) view.zoom = Number(named.get("z"));
  const event = named.has("e") ? Number(named.get("e")) : lastAtMost(run.at, Number(named.get("t")) * 1e9);
  moveTo(Number.isFinite(event) ? Math.trunc(event) : 0, { center: true, pick: true });
  if (named.has("why")) view.lit = past(view.picked);
  return true;
}
