const picture = document.querySelector("svg");
const told = document.getElementById("told");
const cells = [...picture.querySelectorAll(".at")];
const keysOf = new Map(cells.map((cell) => [cell, cell.dataset.keys.split(" ")]));
const holders = new Map();
for (const cell of cells) {
  for (const key of keysOf.get(cell)) {
    if (!holders.has(key)) holders.set(key, []);
    holders.get(key).push(cell);
  }
}

function show(cell) {
  clear();
  picture.classList.add("busy");
  cell.classList.add("here");
  for (const key of keysOf.get(cell)) {
    for (const other of holders.get(key)) other.classList.add("same");
  }
  told.textContent = cell.dataset.told;
}

function clear() {
  picture.classList.remove("busy");
  for (const cell of picture.querySelectorAll(".same, .here")) cell.classList.remove("same", "here");
}

function place(cell) {
  const box = cell.querySelector("rect");
  return [Number(box.getAttribute("x")), Number(box.getAttribute("y"))];
}

function next(from, dx, dy) {
  const [x, y] = place(from);
  let best = from;
  let least = Infinity;
  for (const cell of cells) {
    const [a, b] = place(cell);
    const along = dx ? (a - x) * dx : (b - y) * dy;
    const aside = dx ? b - y : a - x;
    if (along > 0 && aside === 0 && along < least) {
      least = along;
      best = cell;
    }
  }
  return best;
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
if (cells.length) cells[0].setAttribute("tabindex", "0");
for (const cell of cells) {
  cell.addEventListener("mouseenter", () => show(cell));
  cell.addEventListener("focus", () => show(cell));
}
picture.addEventListener("mouseleave", clear);
picture.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const from = event.target.closest(".at");
  if (!step || !from) return;
  event.preventDefault();
  const to = next(from, ...step);
  from.setAttribute("tabindex", "-1");
  to.setAttribute("tabindex", "0");
  to.focus();
});
