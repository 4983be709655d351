"use strict";
// Small things that everything else uses.

const $ = (id) => document.getElementById(id);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/** The first place in a sorted column whose value is at least `value`. */
function firstAtLeast(column, value, end = column.length) {
  let low = 0, high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

/** The last place whose value is at most `value`; -1 if there is none. */
const lastAtMost = (column, value) => firstAtLeast(column, value + 1) - 1;

const seconds = (ns, digits = 6) => (ns / 1e9).toFixed(digits);

/** An element with text in it. Nothing of a trace is ever put into a page as markup. */
function make(tag, className, text, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  element.append(...inside);
  return element;
}

/** Control characters would not be seen, and some change the direction of what follows. */
const harmless = (text) => String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

/** Calls `f` once for all calls until the next picture. */
function soon(f) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; f(); });
  };
}
