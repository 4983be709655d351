// The space-time diagram: a lane a server, time downward.

const HEAD = 22;            // pixels of the heading
const MOST = 2000;          // messages of one picture; more are thinned out, and that is said
const LABELS = 11;          // pixels of a row from which there is room for words
const TERM_COLOURS = 8;

const canvas = $("diagram"), pen = canvas.getContext("2d");
const place = { width: 0, lanes: [], test: 0, clients: 0, room: 0, gutter: 0 };
const ink = {};             // colours, by the name of the style
let drawn = [];             // the messages in the picture: [mail, x0, y0, x1, y1]

const termColour = (term) => ink[`t${term % TERM_COLOURS}`];

function readInk() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "soft", "faint", "paper", "box", "line", "good", "bad", "link", "lit", ...run.sorts]) ink[name] = style.getPropertyValue(`--${name}`).trim();
  for (let i = 0; i < TERM_COLOURS; i++) ink[`t${i}`] = style.getPropertyValue(`--t${i}`).trim();
}

/** Gives each lane its place. */
function layLanes() {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const narrow = box.width < 560;
  place.width = box.width;
  const beside = $("overview").getBoundingClientRect();
  place.beside = { width: Math.max(1, Math.round(beside.width)), height: Math.max(1, Math.floor(beside.height)), ratio };
  $("overview").width = place.beside.width * ratio;
  $("overview").height = place.beside.height * ratio;
  view.height = Math.max(50, box.height - HEAD);
  place.gutter = narrow ? 52 : 76;
  place.test = place.gutter + 8;
  place.clients = place.test + (narrow ? 14 : 26);
  const columns = new Set(run.ops.map((op) => op[0])).size;
  const clients = run.ops.length ? Math.min(narrow ? 24 : 60, 8 + 7 * Math.max(1, columns)) : 0;
  const left = place.clients + clients + (narrow ? 14 : 34);
  place.room = (box.width - left) / Math.max(1, run.servers);
  place.lanes = run.peers.map((_, i) => left + place.room * i + (narrow ? place.room * 0.3 : Math.min(place.room * 0.3, 60)));
  hold();
}

const laneOf = (server) => (server < 0 || server >= run.servers ? place.clients : place.lanes[server]);

function draw() {
  pen.fillStyle = ink.paper;
  pen.fillRect(0, 0, place.width, view.height + HEAD);
  if (!run.count) return;
  const [first, last] = seen();
  pen.save();
  pen.beginPath();
  pen.rect(0, HEAD, place.width, view.height);
  pen.clip();
  pen.translate(0, HEAD);
  drawCuts(first, last);
  drawTimes(first, last);
  run.peers.forEach((peer, i) => drawLane(peer, place.lanes[i], first, last));
  drawOps(first, last);
  drawMessages(first, last);
  drawMarks(first, last);
  drawMoment();
  pen.restore();
  drawHeading();
  document.body.dataset.drawn = drawn.length;
}

function drawHeading() {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.fillStyle = ink.soft;
  if (place.gutter > 60) pen.fillText("seconds", 6, 15);
  const one = place.room < 70;
  run.peers.forEach((_, i) => {
    pen.fillStyle = view.server === i ? ink.link : ink.ink;
    pen.fillText(one ? `${i}` : `server ${i}`, place.lanes[i] - 8, 15);
  });
  if (run.ops.length && place.gutter > 60) {
    pen.fillStyle = ink.soft;
    pen.fillText("clients", place.clients - 14, 15);
  }
  pen.fillStyle = ink.line;
  pen.fillRect(0, HEAD - 1, place.width, 1);
}

/** Behind a server's lane: the darker, the more of its links are cut. */
function drawCuts(first, last) {
  const most = 2 * (run.servers - 1);
  run.shade.forEach((steps, server) => {
    for (let i = 0; i < steps.length; i++) {
      const [begin, cut] = steps[i], end = i + 1 < steps.length ? steps[i + 1][0] : run.count - 1;
      if (!cut || end < first || begin > last) continue;
      const y0 = Math.max(-5, yOf(axisOf(begin))), y1 = Math.min(view.height + 5, yOf(axisOf(end)));
      const x0 = place.lanes[server] - 14, x1 = x0 + Math.min(place.room - 2, 90);
      pen.globalAlpha = 0.04 + 0.26 * (cut / most) ** 2;
      pen.fillStyle = ink.bad;
      pen.fillRect(x0, y0, x1 - x0, Math.max(2, y1 - y0));
      pen.globalAlpha = 0.35;
      pen.strokeStyle = ink.bad;
      pen.lineWidth = 1;
      pen.beginPath();
      for (let y = y0 - ((y0 - yOf(0)) % 12); cut === most && y < y1; y += 12) { pen.moveTo(x0, Math.max(y0, y + 8)); pen.lineTo(x1, Math.max(y0, y)); }
      pen.stroke();
      pen.globalAlpha = 1;
      if (yOf(axisOf(begin)) >= -5) label(cut === most ? "cut off" : "partly cut", x0 + 2, y0 + 10, ink.bad, 80);
    }
  });
}

function drawTimes(first, last) {
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.strokeStyle = ink.line;
  pen.lineWidth = 1;
  const digits = place.gutter > 60 ? 6 : 3;
  const tick = (y, ns, some) => {
    pen.beginPath();
    pen.moveTo(place.gutter, y);
    pen.lineTo(place.width, y);
    pen.stroke();
    pen.fillStyle = ink.soft;
    pen.fillText(seconds(ns, some ?? digits), place.gutter - 4, y + 4);
  };
  if (view.mode === "time") {
    const wanted = 70 / view.zoom, power = 10 ** Math.floor(Math.log10(wanted));
    const gap = power * [1, 2, 5, 10].find((k) => k * power >= wanted);
    const some = clamp(Math.ceil(9 - Math.log10(gap)), 0, 6);
    for (let ns = Math.ceil(Math.max(0, view.top) / gap) * gap; ns <= axisAt(view.height) && ns <= run.end; ns += gap) tick(yOf(ns), ns, Math.min(some, digits));
    return;
  }
  const every = Math.max(1, Math.ceil(44 / view.zoom));
  for (let row = Math.ceil(Math.max(0, view.top) / every) * every; row < view.rows.length && yOf(row) <= view.height; row += every) tick(yOf(row), run.at[view.rows[row]]);
}

/** Role by the strip's width and kind, term by its colour: either can be told without the other. */
function drawLane(peer, x, first, last) {
  const rows = peer.states;
  let before = -1;
  for (let i = Math.max(0, lastAtMost(peer.when, first)); i < rows.length && peer.when[i] <= last; i++) {
    let next = i + 1;
    const [event, role, term] = rows[i];
    while (next < rows.length && rows[next][1] === role && rows[next][2] === term) next++;
    const y0 = Math.max(-20, yOf(axisOf(event))), y1 = Math.min(view.height + 20, next < rows.length ? yOf(axisOf(peer.when[next])) : yOf(axisEnd()));
    strip(role, term, x, y0, Math.max(y1, y0 + 1));
    const words = ["off", "", "C", "L"][role] + (role === ROLE.DOWN ? "" : `${term}`);
    const y = clamp(yOf(axisOf(event)) + 10, 12, view.height);
    if (y1 - y0 > 9 && y > before + 11 && y < y1 + 2) {
      pen.textAlign = "right";
      label(words, x - 10, y, ink.ink, 40, true);
      pen.textAlign = "left";
      before = y;
    }
    i = next - 1;
  }
}

function strip(role, term, x, y0, y1) {
  const colour = termColour(term);
  pen.strokeStyle = colour;
  if (role === ROLE.DOWN) {
    pen.strokeStyle = ink.soft;
    pen.lineWidth = 1;
    pen.setLineDash([2, 4]);
    line(x, y0, x, y1);
    pen.setLineDash([]);
  } else if (role === ROLE.FOLLOWER) {
    pen.lineWidth = 3;
    line(x, y0, x, y1);
  } else if (role === ROLE.CANDIDATE) {
    pen.lineWidth = 9;
    pen.setLineDash([3, 2]);
    line(x, y0, x, y1);
    pen.setLineDash([]);
  } else {
    pen.fillStyle = colour;
    pen.fillRect(x - 7, y0, 14, y1 - y0);
  }
}

function line(x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

/** Clients' operations as bars, with the point at which each may have taken effect. */
function drawOps(first, last) {
  if (!run.ops.length) return;
  const axisTime = (ns) => (view.mode === "time" ? ns : view.rowOf[Math.max(0, lastAtMost(run.at, ns))] ?? 0);
  const low = run.at[first], high = run.at[Math.max(first, last)];
  // Calls stand in order; one that began long before may still be open.
  const end = firstAtLeast(run.callAt, high + 1);
  for (let i = Math.max(0, end - 3000); i < end; i++) {
    const [client, call, reply, point, wrong] = run.ops[i];
    if (reply >= 0 && reply < low) continue;
    const x = place.clients + 2 + (client % 8) * 7;
    const y0 = yOf(axisTime(call)), y1 = reply < 0 ? view.height : yOf(axisTime(reply));
    pen.strokeStyle = wrong ? ink.bad : ink.client;
    pen.lineWidth = wrong ? 5 : 3;
    pen.globalAlpha = wrong ? 1 : 0.6;
    if (reply < 0) pen.setLineDash([4, 3]);
    line(x, y0, x, Math.max(y1, y0 + 2));
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (point >= 0) {
      pen.fillStyle = ink.ink;
      pen.beginPath();
      pen.arc(x, yOf(axisTime(point)), 2.5, 0, 7);
      pen.fill();
    }
    if (wrong) label("wrong", x + 6, y0 + 4, ink.bad, 60);
  }
}

/** The messages that some part of the picture belongs to. */
function messagesIn(first, last) {
  const m = run.m, out = [], end = firstAtLeast(m.sent, last + 1);
  for (let block = 0; block << 8 < end; block++) {
    if (m.blocks[block] < first) continue;
    for (let i = block << 8; i < Math.min(end, (block + 1) << 8); i++) if (m.until[i] >= first && mailIsShown(i)) out.push(i);
  }
  return out;
}

/** Leaves out what says least first. */
function thinned(mails) {
  const m = run.m;
  let kept = mails;
  for (const dull of [(i) => m.reply[i], (i) => run.sorts[m.sort[i]] === "heartbeat"]) if (kept.length > MOST) kept = kept.filter((i) => !dull(i) || m.arrived[i] < 0);
  const every = Math.ceil(kept.length / MOST);
  if (every > 1) kept = kept.filter((_, i) => i % every === 0);
  $("status").textContent = kept.length < mails.length ? `${kept.length} of ${mails.length} messages drawn: zoom in for all` : "";
  return kept;
}

function drawMessages(first, last) {
  const m = run.m, groups = new Map();
  drawn = [];
  for (const i of thinned(messagesIn(first, last))) {
    const x0 = laneOf(m.from[i]), y0 = yOf(axisOf(m.sent[i]));
    const arrives = m.arrived[i] >= 0;
    let x1 = laneOf(m.to[i]), y1 = arrives ? yOf(axisOf(m.arrived[i])) : yOf(axisOf(m.sent[i])) + Math.min(14, Math.abs(x1 - x0) / 4);
    if (!arrives) x1 = x0 + (x1 - x0) * 0.55;
    drawn.push([i, x0, y0, x1, y1]);
    const key = m.sort[i] * 2 + m.reply[i] + (view.lit && !view.lit.mails.has(i) ? 100 : 0);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(drawn[drawn.length - 1]);
  }
  for (const [key, lines] of groups) {
    pen.strokeStyle = pen.fillStyle = ink[run.sorts[(key % 100) >> 1]];
    pen.globalAlpha = key >= 100 ? 0.18 : 1;
    pen.lineWidth = key % 2 ? 1 : 1.6;
    if (key % 2) pen.setLineDash([5, 3]);
    pen.beginPath();
    for (const [, x0, y0, x1, y1] of lines) { pen.moveTo(x0, y0); pen.lineTo(x1, y1); }
    pen.stroke();
    pen.setLineDash([]);
    if (drawn.length < MOST / 2) {
      pen.beginPath();
      for (const one of lines) tip(...one);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }
  if (view.mode === "order" && view.zoom >= LABELS) drawn.forEach(nameMessage);
  drawFates();
}

/** An arrow's head. */
function tip(i, x0, y0, x1, y1) {
  if (run.m.arrived[i] < 0) return;
  const length = Math.hypot(x1 - x0, y1 - y0) || 1, ux = (x1 - x0) / length, uy = (y1 - y0) / length;
  pen.moveTo(x1, y1);
  pen.lineTo(x1 - 7 * ux + 3 * uy, y1 - 7 * uy - 3 * ux);
  pen.lineTo(x1 - 7 * ux - 3 * uy, y1 - 7 * uy + 3 * ux);
}

/** Lost, late, held and doubled messages have marks; each kind of mark is one path, as many paths take long. */
function drawFates() {
  const m = run.m, lost = new Path2D(), open = new Path2D(), late = new Path2D();
  for (const [i, x0, y0, x1, y1] of drawn) {
    if (m.copy[i] > 0) label(`×${m.copy[i] + 1}`, (x0 + x1) / 2, (y0 + y1) / 2, ink.ink, 30);
    if (m.late[i]) { late.moveTo(x1 + 4, y1); late.arc(x1, y1, 4, 0, 7); }
    if (m.arrived[i] >= 0) continue;
    if (m.lostAt[i] >= 0) { lost.moveTo(x1 - 4, y1 - 4); lost.lineTo(x1 + 4, y1 + 4); lost.moveTo(x1 - 4, y1 + 4); lost.lineTo(x1 + 4, y1 - 4); continue; }
    open.moveTo(x1 - 3, y1); open.lineTo(x1 + 3, y1); open.moveTo(x1 - 3, y1 + 4); open.lineTo(x1 + 3, y1 + 4);
  }
  pen.lineWidth = 2;
  pen.strokeStyle = ink.bad;
  pen.stroke(lost);
  pen.stroke(late);
  pen.strokeStyle = ink.soft;
  pen.stroke(open);
}

/** A few words at a message's beginning. */
function nameMessage([i, x0, y0, x1]) {
  const m = run.m;
  if (m.reply[i] || view.lit && !view.lit.mails.has(i)) return;
  const gap = Math.abs(laneOf(m.to[i]) - x0);
  if (gap < 60) return;
  const right = x1 > x0;
  pen.textAlign = right ? "left" : "right";
  label(run.texts[m.says[i]], x0 + (right ? 12 : -12), y0 - 2, ink[run.sorts[m.sort[i]]], Math.min(gap - 20, 220), true);
  pen.textAlign = "left";
}

/** Words on a ground of the paper's colour. */
function label(text, x, y, colour, room, grounded) {
  pen.font = "11px system-ui, sans-serif";
  let words = harmless(String(text).slice(0, 120));
  if (pen.measureText(words).width > room) {
    let low = 0, high = words.length;
    while (low < high) { const middle = (low + high + 1) >> 1; if (pen.measureText(`${words.slice(0, middle)}…`).width <= room) low = middle; else high = middle - 1; }
    if (low < 3) return;
    words = `${words.slice(0, low)}…`;
  }
  if (grounded) {
    pen.strokeStyle = ink.paper;
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    pen.strokeText(words, x, y);
  }
  pen.fillStyle = colour;
  pen.fillText(words, x, y);
}

/** What happens to one server alone, and what the test does. */
function drawMarks(first, last) {
  const shown = firstAtLeast(view.rows, first), end = firstAtLeast(view.rows, last + 1);
  // One mark a pixel is enough.
  const every = Math.max(1, Math.ceil((end - shown) / 4000));
  const worded = view.mode === "order" && view.zoom >= LABELS;
  for (let row = shown; row < end; row += every) {
    const e = view.rows[row];
    if (run.mail[e] >= 0 && !run.texts[run.text[e]]) continue;
    const y = yOf(axisOf(e)), topic = run.texts[run.topic[e]], server = run.server[e];
    pen.globalAlpha = view.lit && !view.lit.marks[e] ? 0.25 : 1;
    if (server < 0) storyMark(e, y, topic);
    else serverMark(place.lanes[server], y, topic, e);
    if (worded && server >= 0) label(eventText(e), place.lanes[server] + 13, y + 4, topic === "test" ? ink.ink : ink.soft, place.room - 30, true);
    pen.globalAlpha = 1;
  }
}

function storyMark(e, y, topic) {
  const broken = run.broken && run.broken.event === e;
  if (topic !== "test" && !broken) return;
  pen.fillStyle = broken ? ink.bad : ink.ink;
  pen.beginPath();
  pen.moveTo(place.test - 4, y - 4); pen.lineTo(place.test + 5, y); pen.lineTo(place.test - 4, y + 4);
  pen.fill();
  pen.globalAlpha *= 0.5;
  pen.fillRect(place.test, y - (broken ? 1 : 0.5), place.width, broken ? 2 : 1);
  pen.globalAlpha = 1;
  label(eventText(e), place.test + 9, y - 3, broken ? ink.bad : ink.ink, place.width - place.test - 20, true);
}

function serverMark(x, y, topic, e) {
  pen.fillStyle = pen.strokeStyle = ink.ink;
  pen.lineWidth = 1.5;
  if (topic === "persist") { pen.fillStyle = ink.paper; pen.fillRect(x - 3, y - 3, 6, 6); pen.strokeRect(x - 3, y - 3, 6, 6); return; }
  pen.beginPath();
  if (topic === "apply" || topic === "snapshot") { pen.moveTo(x, y - 4); pen.lineTo(x + 4, y); pen.lineTo(x, y + 4); pen.lineTo(x - 4, y); pen.fill(); return; }
  if (topic === "test" && stateAt(run.server[e], e).role !== ROLE.DOWN) { pen.moveTo(x, y - 6); pen.lineTo(x + 6, y + 5); pen.lineTo(x - 6, y + 5); pen.fill(); return; }
  if (topic === "test") { pen.strokeStyle = ink.bad; pen.lineWidth = 2.5; pen.moveTo(x - 6, y - 6); pen.lineTo(x + 6, y + 6); pen.moveTo(x - 6, y + 6); pen.lineTo(x + 6, y - 6); pen.stroke(); return; }
  pen.arc(x, y, topic === "election" ? 4 : 2, 0, 7);
  pen.fill();
}

/** The cursor, and what is picked. */
function drawMoment() {
  const y = yOf(view.mode === "time" ? view.now : axisOf(view.cursor));
  pen.fillStyle = ink.link;
  pen.globalAlpha = 0.8;
  pen.fillRect(0, y - 0.75, place.width, 1.5);
  pen.globalAlpha = 1;
  const e = view.picked;
  if (e < 0) return;
  pen.strokeStyle = ink.link;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(run.server[e] < 0 ? place.test : place.lanes[run.server[e]], yOf(axisOf(e)), 8, 0, 7);
  pen.stroke();
  const mail = run.mail[e], line_ = drawn.find((one) => one[0] === mail);
  if (mail >= 0 && line_) { pen.lineWidth = 3.5; line(...line_.slice(1)); }
}

/** What is at a point: a message's event, or another one; -1 if nothing is. */
function hit(x, y) {
  let best = 7, found = -1;
  y -= HEAD;
  for (const [mail, x0, y0, x1, y1] of drawn) {
    const dx = x1 - x0, dy = y1 - y0;
    const part = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0, 1);
    const distance = Math.hypot(x - x0 - part * dx, y - y0 - part * dy);
    if (distance < best) { best = distance; found = run.m.sent[mail]; }
  }
  const near = Math.max(7, view.mode === "order" ? view.zoom / 2 : 0);
  const from = firstAtLeast(view.rows, Math.max(0, seen()[0]));
  for (let row = view.mode === "order" ? Math.max(0, Math.floor(axisAt(y - near))) : from; row < view.rows.length; row++) {
    const e = view.rows[row], there = yOf(axisOf(e));
    if (there > y + near) break;
    if (there < y - near || run.mail[e] >= 0) continue;
    const lane = run.server[e] < 0 ? place.test : place.lanes[run.server[e]];
    const aside = x < lane - 12 ? lane - 12 - x : Math.max(0, x - lane - place.room * 0.5);
    const distance = aside + Math.abs(there - y) / 2 + 1;
    if (distance < best) { best = distance; found = e; }
  }
  return found;
}

// --- The whole run, beside ---

const overview = $("overview"), whole = document.createElement("canvas");
let wholeOf = [];

/** The whole run as a picture, made anew only when it is another one. */
function drawWhole(width, height, ratio) {
  const is = [view.rows, view.mode, width, height, ratio, ink.paper];
  if (is.every((value, i) => value === wholeOf[i])) return;
  wholeOf = is;
  whole.width = width * ratio;
  whole.height = height * ratio;
  const small = whole.getContext("2d"), end = axisEnd() || 1, counts = new Float64Array(height + 1);
  small.scale(ratio, ratio);
  for (let row = 0; row < view.rows.length; row++) counts[Math.floor((axisOf(view.rows[row]) / end) * (height - 1))]++;
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  small.fillStyle = ink.faint;
  counts.forEach((count, y) => small.fillRect(0, y, (count / most) * width, 1));
  for (const peer of run.peers) {
    let last = -9;
    for (const [event, role, term] of peer.states) {
      const y = (axisOf(event) / end) * (height - 1);
      if (role !== ROLE.LEADER || y < last + 1) continue;
      small.fillStyle = termColour(term);
      small.fillRect(width - 6, last = y, 6, 2);
    }
  }
  small.fillStyle = ink.bad;
  if (run.broken) small.fillRect(0, (axisOf(run.broken.event) / end) * (height - 1) - 1, width, 3);
}

function drawOverview() {
  const { width, height, ratio } = place.beside;
  drawWhole(width, height, ratio);
  const small = overview.getContext("2d"), end = axisEnd() || 1;
  small.setTransform(1, 0, 0, 1, 0, 0);
  small.clearRect(0, 0, overview.width, overview.height);
  small.drawImage(whole, 0, 0);
  small.scale(ratio, ratio);
  small.strokeStyle = ink.link;
  small.lineWidth = 1.5;
  small.strokeRect(1, (view.top / end) * height, width - 2, Math.max(4, (view.height / view.zoom / end) * height));
}
