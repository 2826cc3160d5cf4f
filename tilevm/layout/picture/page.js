"use strict";
const drawing = document.querySelector("main svg");
const cells = Array.from(drawing.querySelectorAll(".grid .cell"));
const facts = document.getElementById("facts");
const byOwner = new Map();
let kept = null;

for (const cell of cells) {
  const title = cell.querySelector("title");
  cell.setAttribute("aria-label", title.textContent);  // said once: by the page, not by the browser's own bubble too
  cell.setAttribute("role", "img");
  cell.setAttribute("tabindex", "-1");
  title.remove();
  for (const owner of owners(cell)) {
    if (!byOwner.has(owner)) byOwner.set(owner, []);
    byOwner.get(owner).push(cell);
  }
}
for (const grid of drawing.querySelectorAll(".grid")) {
  const first = grid.querySelector(".cell");
  if (first) first.setAttribute("tabindex", "0");
}

function owners(cell) {
  return cell.dataset.owners.split(" ").filter(Boolean);
}

function show(cell) {
  clear();
  const all = new Set(owners(cell).flatMap((owner) => byOwner.get(owner)));
  for (const other of all) other.classList.add("with");
  cell.classList.add("here");
  drawing.classList.add("chosen");
  facts.textContent = cell.getAttribute("aria-label");
}

function clear() {
  for (const cell of drawing.querySelectorAll(".with")) cell.classList.remove("with", "here");
  drawing.classList.remove("chosen");
  facts.textContent = "";
}

function rest() {
  if (kept) show(kept); else clear();
}

const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function move(cell, [down, right]) {
  const row = Number(cell.dataset.row) + down, column = Number(cell.dataset.column) + right;
  const found = cell.parentNode.querySelector(`[data-row="${row}"][data-column="${column}"]`);
  if (!found) return;
  cell.setAttribute("tabindex", "-1");
  found.setAttribute("tabindex", "0");
  found.focus();
}

function keep(cell) {
  kept = kept === cell ? null : cell;
  if (kept) show(kept);
}

for (const cell of cells) {
  cell.addEventListener("mouseenter", () => show(cell));
  cell.addEventListener("mouseleave", rest);
  cell.addEventListener("focus", () => show(cell));
  cell.addEventListener("blur", rest);
  cell.addEventListener("click", () => keep(cell));
  cell.addEventListener("keydown", (event) => {
    if (event.key in steps) move(cell, steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") keep(cell);
    else if (event.key === "Escape") { kept = null; clear(); }
    else return;
    event.preventDefault();
  });
}
