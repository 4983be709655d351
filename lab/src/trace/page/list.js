// The events around the cursor, in words.

const AROUND = 14;

function drawList() {
  const rows = view.rows, here = firstAtLeast(rows, view.cursor);
  const from = Math.max(0, here - AROUND), to = Math.min(rows.length, here + AROUND + 1);
  const list = [];
  for (let row = from; row < to; row++) list.push(eventRow(rows[row]));
  $("list").replaceChildren(...list);
}

function eventRow(e) {
  const row = make("button", "row", null,
    make("span", "t", seconds(run.at[e])),
    make("span", "", run.server[e] < 0 ? "" : `${run.server[e]}`),
    make("span", "say", harmless(eventText(e).slice(0, 400))));
  row.type = "button";
  row.tabIndex = -1;
  row.dataset.event = e;
  if (e === view.cursor) row.classList.add("now");
  if (view.lit && !view.lit.marks[e]) row.classList.add("dim");
  return row;
}

function startList() {
  for (const id of ["list", "details"]) {
    $(id).addEventListener("click", (event) => {
      const row = event.target.closest("[data-event]");
      if (row) moveTo(Number(row.dataset.event), { pick: true });
    });
  }
}
