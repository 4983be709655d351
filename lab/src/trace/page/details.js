// All of the picked event: a message with its arguments, its answer, and the log lines around it.

const LINES = 3;

function drawDetails() {
  const e = view.picked;
  if (e < 0) return $("details").replaceChildren();
  const mail = run.mail[e];
  const parts = [make("h2", "", harmless(mail < 0 ? eventText(e) : mailText(mail)))];
  const where = run.server[e] < 0 ? "the test" : `server ${run.server[e]}`;
  const facts = [["when", `${seconds(run.at[e], 9)} s`], ["where", where], ["about", run.texts[run.topic[e]]]];
  if (mail >= 0) facts.push(...mailFacts(mail));
  if (run.broken && run.broken.event === e) facts.push(["broken", run.broken.says], ["ask", run.broken.question]);
  const list = make("dl");
  for (const [name, value] of facts) list.append(make("dt", "", harmless(name)), typeof value === "string" ? make("dd", "", harmless(value)) : make("dd", "", null, value));
  parts.push(list);
  const nearby = logAround(mail < 0 ? [run.server[e]] : [run.m.from[mail], run.m.to[mail]], e);
  if (nearby.length) parts.push(make("div", "num", "log around it"), ...nearby.map(eventRow));
  $("details").replaceChildren(...parts);
}

function mailFacts(i) {
  const m = run.m, facts = [];
  const go = (event, words) => { const button = make("button", "", words); button.type = "button"; button.dataset.event = event; return button; };
  facts.push(["sent", go(m.sent[i], `${seconds(run.at[m.sent[i]], 9)} s`)]);
  if (m.arrived[i] >= 0) facts.push(["arrived", go(m.arrived[i], `${((run.at[m.arrived[i]] - run.at[m.sent[i]]) / 1e6).toFixed(3)} ms later`)]);
  facts.push(["call", `#${m.call[i]}`]);
  if (m.view[i] >= 0) facts.push(...decoded(run.texts[m.view[i]]));
  const other = m.other[i];
  if (other >= 0) facts.push([m.reply[i] ? "answers" : "reply", go(m.sent[other], harmless(mailText(other).slice(0, 300)))]);
  else if (!m.reply[i]) facts.push(["reply", "none was sent"]);
  return facts;
}

/** The arguments as they were decoded; as text where they are no object any more, having been cut. */
function decoded(text) {
  let view;
  try { view = Object.entries(JSON.parse(text)); } catch { return [["says", text]]; }
  const told = ([name, value]) => !["call", "copy", "way", "rpc"].includes(name) && !(typeof value === "object" && value && !Object.keys(value).length);
  return view.filter(told).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

/** The log records of these servers just before and after an event. */
function logAround(servers, event) {
  const own = ["rpc", "mail", "test", "persist", "apply", "disk", "state", "thread", "start", "end"];
  const fits = (e) => run.mail[e] < 0 && servers.includes(run.server[e]) && run.server[e] >= 0 && !own.includes(run.texts[run.topic[e]]);
  const found = [];
  for (let e = event, looked = 0; e >= 0 && found.length < LINES && looked < 3000; e--, looked++) if (fits(e)) found.unshift(e);
  for (let e = event + 1, looked = 0, more = 0; e < run.count && more < LINES && looked < 3000; e++, looked++) if (fits(e)) { found.push(e); more++; }
  return found;
}
