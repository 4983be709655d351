// Each server at the cursor: its role, term, vote, log, what it thinks of the others, its election timer.

const ENTRIES = 9;

function drawPeers() {
  $("peers").replaceChildren(...run.peers.map((_, server) => peerCard(server)));
}

function peerCard(server) {
  const state = stateAt(server, view.cursor);
  const card = make("div", state.role === ROLE.DOWN ? "peer down" : "peer");
  card.style.setProperty("--c", `var(--t${state.term % TERM_COLOURS})`);
  const vote = state.vote < 0 ? "no vote" : `vote ${state.vote}`;
  const heading = make("header", "", null,
    make("b", "", `${server}`),
    make("span", "role", ROLES[state.role]),
    make("span", "num", state.role === ROLE.DOWN ? "" : `term ${state.term}, ${vote}`),
    make("span", "num", `commit ${state.commit}, applied ${state.applied}`));
  if (state.role === ROLE.FOLLOWER || state.role === ROLE.CANDIDATE) heading.append(timerArc(server));
  card.append(heading, logStrip(state));
  if (state.role === ROLE.LEADER && state.next) {
    const pairs = run.peers.map((_, other) => (other === server ? "" : `${other}: next ${state.next[other] ?? "?"}, match ${state.matching?.[other] ?? "?"}`));
    card.append(make("div", "pairs num", pairs.filter(Boolean).join(" · ")));
  }
  const notes = notesAt(server);
  if (notes.length) card.append(make("div", "notes", notes.map(([name, value]) => `${harmless(name)} = ${harmless(value).slice(0, 300)}`).join("\n")));
  return card;
}

/** The end of a log: an entry in its term's colour, filled once it is committed, underlined once it is applied. */
function logStrip(state) {
  const [base, baseTerm, last] = state.log, strip = make("div", "log");
  const from = Math.max(base + 1, last - ENTRIES + 1);
  if (base > 0) strip.append(make("u", "", `snapshot to ${base}@${baseTerm} │`));
  if (from > base + 1) strip.append(make("u", "", `${from - base - 1} more …`));
  for (const [index, term] of entries(state.log, from)) {
    const box = make("i", `${index <= state.commit ? "committed " : ""}${index <= state.applied ? "applied" : ""}`, `${index}`);
    box.style.setProperty("--c", `var(--t${term % TERM_COLOURS})`);
    box.title = `entry ${index} of term ${term}${index <= state.commit ? ", committed" : ""}: ${run.commands[`${index}@${term}`] ?? "?"}`;
    strip.append(box);
  }
  if (last === base) strip.append(make("u", "", base ? "nothing after it" : "empty log"));
  return strip;
}

function notesAt(server) {
  const peer = run.peers[server], known = new Map();
  for (let i = lastAtMost(peer.noted, view.cursor), looked = 0; i >= 0 && looked < 200; i--, looked++) {
    const [, name, value] = peer.notes[i];
    if (!known.has(name)) known.set(name, value);
  }
  return [...known].reverse().map(([name, value]) => [run.texts[name], run.texts[value]]);
}

/** The election timer: a ring that runs down. How long it was set is seen only by what came of it. */
function timerArc(server) {
  const peer = run.peers[server], i = lastAtMost(peer.resets, view.cursor);
  const began = i < 0 ? 0 : run.at[peer.timer[i][0]], next = peer.timer[i + 1];
  const gone = Math.max(0, view.now - began);
  const ends = next ? run.at[next[0]] - began : Infinity;
  const length = next && next[1] ? ends : Math.max(run.longestWait, Number.isFinite(ends) ? ends : gone);
  const left = clamp(1 - gone / (length || 1), 0, 1), angle = left * 2 * Math.PI;
  const arc = document.createElementNS("http:" + "//www.w3.org/2000/svg", "svg");
  arc.setAttribute("class", "timer");
  arc.setAttribute("viewBox", "-10 -10 20 20");
  const shape = (name, of) => { const one = document.createElementNS(arc.namespaceURI, name); for (const key in of) one.setAttribute(key, of[key]); arc.append(one); return one; };
  shape("circle", { r: 8, fill: "none", stroke: "var(--line)", "stroke-width": 3 });
  const end = `${8 * Math.sin(angle)} ${-8 * Math.cos(angle)}`;
  if (left > 0.999) shape("circle", { r: 8, fill: "none", stroke: "var(--ink)", "stroke-width": 3 });
  else if (left > 0) shape("path", { d: `M 0 -8 A 8 8 0 ${angle > Math.PI ? 1 : 0} 1 ${end}`, fill: "none", stroke: "var(--ink)", "stroke-width": 3 });
  const ms = (ns) => `${(ns / 1e6).toFixed(0)} ms`;
  const then = !next ? "nothing comes of it in this run" : next[1] ? `runs down in ${ms(ends - gone)}` : `begins anew in ${ms(ends - gone)}`;
  shape("title", {}).textContent = `election timer: began ${ms(gone)} ago, ${then}`;
  return arc;
}
