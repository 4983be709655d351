// Puts the page together, and says what keys and pointers do.

const KEYS = [
  ["← →  or  ↑ ↓", "event before, next event"],
  ["n  p", "next, previous event of the chosen server; of the same kind with Shift"],
  ["0 … 9", "choose a server for n and p; again: all"],
  ["space", "play, pause"], ["<  >", "slower, faster"],
  ["+  −", "zoom"], ["PgUp  PgDn", "a screen up, down"], ["Home  End", "the run's ends"],
  ["t", "a row an event, or true to time"],
  ["f", "jump to the failure"], ["w", "why: light up what led to the picked event"],
  ["/", "search; Enter and Shift+Enter: next, previous"], ["v", "filter"], ["Esc", "drop what is picked, lit, searched"],
];

function jumpToFailure() {
  if (run.broken) moveTo(run.broken.event, { center: true, pick: true });
}

function toggleFilter() {
  $("filter").hidden = !$("filter").hidden;
  $("filters").setAttribute("aria-expanded", !$("filter").hidden);
  resize();
}

function toggleMode() {
  setPlay(false);
  setMode(view.mode === "order" ? "time" : "order");
  buildSpeeds();
}

function drop() {
  view.lit = null;
  view.picked = -1;
  $("search").value = "";
  search("");
  if ($("keys").open) $("keys").close();
  changed();
}

const sameServer = (e) => view.server < 0 || run.server[e] === view.server;
const sameKind = (from) => (e) => run.topic[e] === run.topic[from] && (run.mail[from] < 0 || run.m.sort[run.mail[e]] === run.m.sort[run.mail[from]]);

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape") { drop(); event.target.blur?.(); return; }
  if (typing) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return; // it presses the button
  const page = view.height / view.zoom;
  const act = {
    ArrowRight: () => step(1), ArrowDown: () => step(1), ArrowLeft: () => step(-1), ArrowUp: () => step(-1),
    n: () => step(1, sameServer), p: () => step(-1, sameServer),
    N: () => step(1, sameKind(view.cursor)), P: () => step(-1, sameKind(view.cursor)),
    " ": () => setPlay(!play.on), "<": () => setSpeed(play.speed - 1), ">": () => setSpeed(play.speed + 1),
    "+": () => zoomBy(1.4), "=": () => zoomBy(1.4), "-": () => zoomBy(1 / 1.4),
    PageDown: () => moveTo(eventAt(axisOf(view.cursor) + page * 0.9)), PageUp: () => moveTo(eventAt(axisOf(view.cursor) - page * 0.9)),
    Home: () => moveTo(view.rows[0] ?? 0, { pick: true }), End: () => moveTo(view.rows[view.rows.length - 1] ?? 0, { pick: true }),
    t: toggleMode, f: jumpToFailure, w: toggleWhy, v: toggleFilter, "?": () => $("keys").showModal(),
    "/": () => $("search").focus(),
  }[event.key];
  const digit = /^[0-9]$/.test(event.key) && Number(event.key) < run.servers;
  if (digit) { view.server = view.server === Number(event.key) ? -1 : Number(event.key); changed(); }
  if (act) act();
  if (act || digit) event.preventDefault();
}

// --- Pointers: drag scrolls, two fingers and the wheel with Ctrl zoom, a click picks ---

const held = new Map();

function startPointers() {
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return zoomBy(Math.exp(-event.deltaY / 300), at(event)[1] - HEAD);
    view.top += (event.deltaMode ? event.deltaY * 20 : event.deltaY) / view.zoom;
    hold();
    changed();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, { at: at(event), moved: 0 });
  });
  canvas.addEventListener("pointermove", (event) => {
    const one = held.get(event.pointerId), here = at(event);
    if (!one) return hover(...here);
    const others = [...held].filter(([id]) => id !== event.pointerId);
    const dy = here[1] - one.at[1];
    one.moved += Math.abs(dy) + Math.abs(here[0] - one.at[0]);
    if (others.length) {
      const y = others[0][1].at[1], before = Math.abs(one.at[1] - y), now = Math.abs(here[1] - y);
      if (before > 10 && now > 10) zoomBy(now / before, (y + here[1]) / 2 - HEAD);
    } else if (one.moved > 4) {
      view.top -= dy / view.zoom;
      hold();
      changed();
    }
    one.at = here;
  });
  const release = (event) => {
    const one = held.get(event.pointerId);
    held.delete(event.pointerId);
    if (event.type !== "pointerup" || !one || one.moved > 4) return;
    const found = hit(...one.at);
    if (found >= 0) moveTo(found, { pick: true });
    else moveTo(eventAt(axisAt(one.at[1] - HEAD)));
    canvas.focus();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  const scrub = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = overview.getBoundingClientRect();
    moveTo(eventAt(clamp((event.clientY - box.top) / box.height, 0, 1) * axisEnd()), { center: true });
  };
  overview.addEventListener("pointerdown", scrub);
  overview.addEventListener("pointermove", scrub);
}

function hover(x, y) {
  const found = hit(x, y), box = $("tip");
  box.hidden = found < 0;
  if (found < 0) return;
  const mail = run.mail[found];
  box.textContent = harmless(`${seconds(run.at[found])}  ${mail < 0 ? eventText(found) : mailText(mail)}`.slice(0, 600));
  box.style.left = `${Math.min(x + 14, Math.max(0, place.width - 260))}px`;
  box.style.top = `${Math.min(y + 12, view.height - 40)}px`;
}

// --- The rest ---

function drawHead() {
  const head = run.head;
  $("title").textContent = harmless(head.test ? `${head.part} ${head.test}` : "A run");
  $("title").title = harmless(head.title);
  const verdict = run.passed === true ? "passed" : run.passed === false ? "failed" : "its trace has no end: the process ended first";
  $("verdict").textContent = harmless(`${verdict}, seed ${head.seed}, ${run.servers} servers, ${run.count} events, ${seconds(run.end, 3)} s`);
  $("verdict").className = run.passed ? "pass" : "fail";
  $("claim").hidden = !run.broken;
  if (run.broken) $("claim").textContent = harmless(`${run.broken.says}${run.broken.question ? `\n${run.broken.question}` : ""}`);
  $("failure").disabled = !run.broken;
  $("reportbox").hidden = !run.report && !head.replay;
  $("reportname").textContent = run.report ? "report" : "replay";
  $("report").textContent = harmless(run.report || `Replay: ${head.replay}`);
  $("keys").replaceChildren(make("dl", "", null, ...KEYS.flatMap(([keys, does]) => [make("dt", "", keys), make("dd", "", does)])));
}

function drawBar() {
  $("clock").textContent = `${seconds(view.now)} s`;
  $("mode").textContent = view.mode === "order" ? "rows" : "time";
  $("why").setAttribute("aria-pressed", view.lit !== null);
}

function resize() {
  layLanes();
  draw(); // at once: a canvas whose size was set is empty
  drawOverview();
  changed();
}

function start() {
  readInk();
  startFilter();
  buildFilter();
  drawHead();
  layLanes();
  startList();
  startPointers();
  for (const tell of [draw, drawOverview, drawBar, remember]) onChange(tell);
  for (const tell of [drawPeers, drawList, drawDetails]) onChange(tell, moment);
  const press = { play: () => setPlay(!play.on), back: () => step(-1), on: () => step(1), mode: toggleMode, in: () => zoomBy(1.4), out: () => zoomBy(1 / 1.4), failure: jumpToFailure, why: toggleWhy, filters: toggleFilter, help: () => $("keys").showModal() };
  for (const [id, act] of Object.entries(press)) $(id).addEventListener("click", act);
  $("keys").addEventListener("click", () => $("keys").close());
  $("speed").addEventListener("change", () => setSpeed(Number($("speed").value)));
  let typed = 0;
  $("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => search($("search").value), 120); });
  $("search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    search($("search").value);
    nextHit(event.shiftKey ? -1 : 1);
  });
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", resize);
  window.addEventListener("hashchange", recall);
  new ResizeObserver(resize).observe($("picture"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readInk(); changed(); });
  if (!recall()) {
    if (run.broken) moveTo(run.broken.event, { center: true });
    else moveTo(view.rows[0] ?? 0);
  }
  buildSpeeds();
  changed();
  requestAnimationFrame(() => requestAnimationFrame((now) => {
    Object.assign(document.body.dataset, { ready: "yes", events: run.count, mails: run.m.count, opened: Math.round(now) });
  }));
}

load().then(start, (problem) => {
  $("title").textContent = "This page can't be shown";
  $("claim").hidden = false;
  $("claim").textContent = `${problem}. It needs a browser of 2023 or later.`;
});
