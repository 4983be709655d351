// The run, as `trace/data.rs` has put it into the page.

/** Everything that happened. Filled by `load`. */
const run = {};

const ROLES = ["down", "follower", "candidate", "leader"];
const ROLE = { DOWN: 0, FOLLOWER: 1, CANDIDATE: 2, LEADER: 3 };

async function load() {
  const packed = atob($("data").textContent);
  $("data").textContent = "";
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  take(await new Response(stream).json());
}

function take(told) {
  const events = told.events, mails = told.mails, count = events.at.length;
  Object.assign(run, told, { count, servers: told.head.servers, peers: told.servers });
  const at = new Float64Array(count);
  let now = 0;
  events.at.forEach((step, i) => { at[i] = now += step; });
  run.at = at;
  run.end = count ? at[count - 1] : 0;
  run.server = Int16Array.from(events.server);
  run.topic = Int32Array.from(events.topic);
  run.text = Int32Array.from(events.text);
  run.mail = Int32Array.from(events.mail);
  run.m = { count: mails.sent.length };
  for (const name of Object.keys(mails)) run.m[name] = (name === "call" ? Float64Array : Int32Array).from(mails[name]);
  for (const peer of run.peers) {
    peer.when = Int32Array.from(peer.states, (row) => row[0]);
    peer.resets = Int32Array.from(peer.timer, (row) => row[0]);
    peer.noted = Int32Array.from(peer.notes, (row) => row[0]);
  }
  until();
  shades();
  waits();
  run.callAt = Float64Array.from(run.ops, (op) => op[1]);
}

/** Messages stand in the order of their sending; `blocks` has the last event of each 256 of them. */
function until() {
  const m = run.m;
  m.until = Int32Array.from(m.sent, (sent, i) => Math.max(sent, m.arrived[i], m.lostAt[i]));
  m.blocks = new Int32Array(Math.ceil(m.count / 256));
  m.until.forEach((end, i) => { m.blocks[i >> 8] = Math.max(m.blocks[i >> 8], end); });
}

/** How much of each server's links is cut, from which event on. */
function shades() {
  const changes = run.peers.map(() => []);
  for (const [from, to, begin, end] of run.cuts) {
    for (const server of [from, to]) changes[server].push([begin, 1], [end, -1]);
  }
  run.shade = changes.map((list) => {
    list.sort((a, b) => a[0] - b[0]);
    let cut = 0;
    const steps = [];
    for (const [event, change] of list) {
      cut += change;
      if (steps.length && steps[steps.length - 1][0] === event) steps[steps.length - 1][1] = cut;
      else steps.push([event, cut]);
    }
    return steps;
  });
}

/** The longest that any election timer was seen to run. */
function waits() {
  run.longestWait = 1;
  for (const peer of run.peers) {
    for (let i = 1; i < peer.timer.length; i++) {
      const wait = run.at[peer.timer[i][0]] - run.at[peer.timer[i - 1][0]];
      if (peer.timer[i][1]) run.longestWait = Math.max(run.longestWait, wait);
    }
  }
}

/** What a message says, with what became of it. */
function mailText(i) {
  const m = run.m;
  const party = (server) => (server < 0 ? "a clerk" : `server ${server}`);
  const copy = m.copy[i] ? ` (copy ${m.copy[i]})` : "";
  return `${party(m.from[i])} → ${party(m.to[i])}: ${run.texts[m.says[i]]}${copy}${fate(i)}`;
}

function fate(i) {
  const m = run.m;
  if (m.arrived[i] >= 0) return m.late[i] ? ", too late" : "";
  if (m.lostAt[i] >= 0) return `, lost: ${run.texts[m.why[i]]}`;
  return m.held[i] ? ", held by the test" : ", under way at the end";
}

/** What an event says. */
function eventText(e) {
  const mail = run.mail[e], own = run.texts[run.text[e]];
  if (mail < 0 || own) return own;
  const m = run.m, says = run.texts[m.says[mail]];
  const copy = m.copy[mail] ? ` (copy ${m.copy[mail]})` : "";
  if (m.sent[mail] === e) return `→ ${m.to[mail] < 0 ? "clerk" : m.to[mail]} ${says}${copy}${fate(mail)}`;
  if (m.arrived[mail] === e) return `← ${m.from[mail] < 0 ? "clerk" : m.from[mail]} ${says}${copy}${m.late[mail] ? ", too late" : ""}`;
  return m.lostAt[mail] === e ? `${says}${copy} is lost: ${run.texts[m.why[mail]]}` : `${says}${copy}`;
}

/** What is known of a server right after an event. */
function stateAt(server, event) {
  const peer = run.peers[server];
  const [, role, term, vote, commit, applied, log, next, matching] = peer.states[Math.max(0, lastAtMost(peer.when, event))];
  return { role, term, vote, commit, applied, log: run.logs[log], next, matching };
}

/** The entries of a log from an index on, as [index, term]. */
function entries(log, from) {
  const [base, , last] = log, out = [];
  for (let index = Math.max(base + 1, from); index <= last; index++) {
    let term = 0;
    for (let i = 3; i < log.length && log[i] <= index; i += 2) term = log[i + 1];
    out.push([index, term]);
  }
  return out;
}
