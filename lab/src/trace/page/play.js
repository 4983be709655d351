// Time that goes on by itself.

const SPEEDS = { order: [1, 2, 5, 10, 30, 100], time: [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5] };
const play = { on: false, speed: 3, last: 0, rest: 0 };

function buildSpeeds() {
  const speeds = SPEEDS[view.mode];
  play.speed = clamp(play.speed, 0, speeds.length - 1);
  $("speed").replaceChildren(...speeds.map((speed, i) => {
    const option = make("option", "", view.mode === "order" ? `${speed} events/s` : `${speed} × time`);
    option.value = i;
    return option;
  }));
  $("speed").value = play.speed;
}

function setPlay(on) {
  play.on = on && run.count > 0;
  play.last = 0;
  $("play").textContent = play.on ? "❚❚" : "▶";
  $("play").setAttribute("aria-pressed", play.on);
  if (play.on) requestAnimationFrame(goOn);
}

function goOn(now) {
  if (!play.on) return;
  const passed = play.last ? Math.min(now - play.last, 100) : 0;
  play.last = now;
  const speed = SPEEDS[view.mode][play.speed];
  if (view.mode === "order") {
    play.rest += (passed / 1000) * speed;
    const row = firstAtLeast(view.rows, view.cursor), steps = Math.floor(play.rest);
    play.rest -= steps;
    if (row + steps >= view.rows.length) setPlay(false);
    else if (steps) moveTo(view.rows[row + steps]);
  } else {
    view.now = Math.min(run.end, view.now + passed * 1e6 * speed);
    view.cursor = Math.max(0, lastAtMost(run.at, view.now));
    const y = yOf(view.now);
    if (y > view.height * 0.75 || y < 0) view.top = view.now - (view.height * 0.75) / view.zoom;
    hold();
    changed();
    if (view.now >= run.end) setPlay(false);
  }
  requestAnimationFrame(goOn);
}

function setSpeed(i) {
  play.speed = clamp(i, 0, SPEEDS[view.mode].length - 1);
  $("speed").value = play.speed;
}
