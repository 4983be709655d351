// The causal past of an event: what its server did before, and all that it can have heard of by messages.

/** The events in the past of one, as marks; `mails` are the messages that brought the news. */
function past(event) {
  if (event < 0) return null;
  const marks = new Uint8Array(run.count), mails = new Set();
  const story = run.servers; // the lane of the test and the clients
  const lane = (e) => (run.server[e] < 0 ? story : run.server[e]);
  // Up to which event each lane counts.
  const horizon = new Int32Array(run.servers + 1).fill(-1);
  horizon[lane(event)] = event;
  for (let e = event; e >= 0; e--) {
    if (e > horizon[lane(e)]) continue;
    marks[e] = 1;
    const mail = run.mail[e];
    if (mail < 0 || run.m.arrived[mail] !== e) continue;
    const from = run.m.from[mail] < 0 ? story : run.m.from[mail];
    if (run.m.sent[mail] > horizon[from]) {
      horizon[from] = run.m.sent[mail];
      mails.add(mail); // news: what this server did up to then was not known yet
    }
  }
  return { marks, mails };
}

/** A claim is about everybody: all that any server had heard of by then led to it. */
function pastOfFailure() {
  const event = run.broken.event;
  const all = { marks: new Uint8Array(run.count), mails: new Set() };
  for (let server = 0; server < run.servers; server++) {
    let e = event;
    while (e >= 0 && run.server[e] !== server) e--;
    const own = past(e);
    own?.marks.forEach((mark, i) => { if (mark) all.marks[i] = 1; });
    own?.mails.forEach((mail) => all.mails.add(mail));
  }
  all.marks[event] = 1;
  return all;
}

function toggleWhy() {
  if (view.lit) view.lit = null;
  else if (run.broken && (view.picked < 0 || view.picked === run.broken.event)) view.lit = pastOfFailure();
  else view.lit = past(view.picked < 0 ? view.cursor : view.picked);
  changed();
}
