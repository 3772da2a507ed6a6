"use strict";

/* A row with other values: what each adds to the score. The model is linear, so this is the model itself.
   It stands in pages that have such a row alone, and uses review.js; text from data is only ever set as text. */

const plain = (value) => {
  const size = Math.abs(value);
  if (Number.isNaN(size)) return "–";
  const digits = size >= 1000 ? size.toLocaleString("en", { maximumFractionDigits: 0 }) : String(Number(size.toPrecision(4)));
  const text = size >= 10 ? digits : size >= 0.001 || size < 1e-6 ? size.toFixed(3) : size.toPrecision(2);
  return `${value < 0 && size >= 1e-6 ? "−" : ""}${text}`;
};

const softmax = (sums) => {
  const sizes = sums.map((sum) => Math.exp(sum - Math.max(...sums)));
  return sizes.map((size) => size / sizes.reduce((one, other) => one + other));
};

const LINKS = { "log-odds": (sums) => sums.map((sum) => 1 / (1 + Math.exp(-sum))), "softmax score": softmax };

/* Numbers lie on the straight line through two of them; a text has a place of its own, and so has a missing value. */
const addedBy = ({ ends, adds }, value) => {
  if (!ends) return adds[value];
  if (value === null) return adds[2];
  const share = (value - ends[0]) / (ends[1] - ends[0]);
  return adds[0].map((start, at) => start + share * (adds[1][at] - start));
};

const DAY = 86400000;

/* How a kind of number is entered: dates come as days since 1970, and have a time of day where one of them has. */
const entryOf = ({ date, own }) => {
  if (!date) return { type: "number", text: String, value: (input) => input.valueAsNumber };
  const timed = own.some((days) => !Number.isInteger(days ?? 0));
  const text = (days) => new Date(Math.round(days * DAY)).toISOString().slice(0, timed ? 19 : 10);
  return { type: timed ? "datetime-local" : "date", text, value: (input) => input.valueAsNumber / DAY };
};

/* What is entered for a column: a number or date, which may be missing, or one of a list. */
const valueInput = (column) => {
  const { name, unit, levels, ends } = column;
  const words = make("span", {}, name, ...(unit ? [" ", make("span", { class: "more" }, unit)] : []));
  if (!ends) {
    const list = make("select", {}, ...levels.map((level, order) => make("option", { value: order }, level)));
    const write = (value) => { list.value = value; };
    return { head: make("label", { class: "entry" }, words, list), read: () => Number(list.value), write };
  }
  const entry = entryOf(column);
  const input = make("input", { type: entry.type, step: "any" });
  const missing = make("input", { type: "checkbox", "aria-label": `${name} missing` });
  let [given, entered] = [null, NaN];
  const write = (value) => {
    missing.checked = value === null;
    input.value = value === null ? "" : entry.text(value);
    [given, entered] = [value, input.valueAsNumber]; // what was not touched is not rounded
  };
  const read = () => {
    input.disabled = missing.checked;
    if (missing.checked) return null;
    return input.valueAsNumber === entered ? given : entry.value(input);
  };
  const tick = make("label", { class: "missing" }, missing, " missing");
  return { head: make("div", { class: "entry" }, make("label", {}, words, input), tick), read, write };
};

const bar = (now, was, reach) => {
  const at = (size) => 50 + (48 * size) / (reach || 1);
  const [start, end] = [Math.min(50, at(now)), Math.max(50, at(now))];
  const drawing = shape("svg", { class: "strip", "aria-hidden": "true", focusable: "false" });
  const upright = (name, place, y) => {
    drawing.append(shape("line", { class: name, x1: `${place}%`, x2: `${place}%`, y1: y, y2: 36 - y }));
  };
  if (Number.isFinite(now)) {
    const name = now < 0 ? "strip-down" : "strip-up";
    drawing.append(shape("rect", { class: name, x: `${start}%`, width: `${end - start}%`, y: 11, height: 14 }));
  }
  upright("strip-zero", 50, 0);
  if (now !== was) upright("strip-was", at(was), 6);
  return drawing;
};

const exploreRow = (place, given) => {
  const choice = make("select", {}, ...given.rows.map(({ name }, order) => make("option", { value: order }, name)));
  const back = make("button", { type: "button" }, "Back to the row as it is");
  const [said, body, caption] = [make("output", { class: "outcome" }), make("tbody"), make("caption")];
  const axis = make("th", { scope: "col", class: "drawing" });
  const heads = [make("th", { scope: "col" }, "Column and its value"), axis, make("th", { scope: "col", class: "number" }, "Adds")];
  const lines = given.columns.map((column) => ({ column, ...valueInput(column) }));
  const others = given.fixed === 1 ? "The other column" : `The other ${given.fixed} columns`;
  if (given.fixed) lines.push({ head: `${others}, as before` });
  for (const line of lines) {
    [line.drawn, line.cell] = [make("td", { class: "drawing" }), make("td", { class: "number" })];
    line.row = make("tr", {}, make("th", { scope: "row" }, line.head), line.drawn, line.cell);
  }
  const chosen = () => Number(choice.value);
  const added = (of) => lines.map((line) => (line.column ? addedBy(line.column, of(line)) : given.rows[chosen()].rest));
  const sumOf = (parts) => given.base.map((start, at) => parts.reduce((sum, part) => sum + part[at], start));

  /* In the words of the report; what lies on the threshold is not lost to rounding. */
  const outcome = (sums) => {
    if (sums.some(Number.isNaN)) return ["– (enter a value, or tick missing)"];
    const scores = given.labels.length && LINKS[given.scale] ? LINKS[given.scale](sums) : sums;
    const best = scores.indexOf(Math.max(...scores));
    const score = make("data", { value: scores[best] }, plain(scores[best]));
    if (!given.labels.length) return [score];
    if (given.outputs.length > 1) return [given.outputs[best], " (score ", score, ")"];
    if (given.threshold === null) return ["with score ", score];
    const label = given.labels[Number(scores[0] >= given.threshold - 1e-9)];
    return [label, " (score ", score, `, threshold ${plain(given.threshold)})`];
  };

  const show = () => {
    const { output } = given.rows[chosen()];
    const [now, was] = [added((line) => line.read()), added((line) => line.column.own[chosen()])];
    const towards = given.labels.length ? ` towards ${given.outputs[output]}` : "";
    const reach = Math.max(...[...now, ...was].map((part) => Math.abs(part[output]) || 0));
    axis.replaceChildren(...[-reach, 0, reach].map((end) => make("span", {}, end ? plain(end) : "0")));
    caption.textContent = `What each value adds, in units of ${given.scale}${towards}: the bar is what it adds now, a tick what `
      + `it adds in the row as it is. From the mean, ${plain(given.base[output])}, they lead to ${plain(sumOf(now)[output])}.`;
    said.replaceChildren(make("strong", {}, "Predicted ", ...outcome(sumOf(now))), " ", make("span", { class: "more" }, "as it is: ", ...outcome(sumOf(was))));
    for (const [order, { drawn, cell }] of lines.entries()) {
      const [size, before] = [now[order][output], was[order][output]];
      drawn.replaceChildren(bar(size, before, reach));
      cell.replaceChildren(make("data", { value: size }, plain(size)));
      if (size !== before) cell.append(" ", make("span", { class: "more" }, `was ${plain(before)}`));
    }
  };
  const reset = () => {
    for (const { column, write } of lines) if (column) write(column.own[chosen()]);
    const { output } = given.rows[chosen()];
    const size = ({ column }) => (column ? Math.abs(addedBy(column, column.own[chosen()])[output]) : -1);
    body.append(...lines.sort((one, other) => size(other) - size(one)).map(({ row }) => row));
    show();
  };
  choice.addEventListener("input", reset);
  back.addEventListener("click", reset);
  body.addEventListener("input", show);
  const table = make("table", { class: "strips what-if" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  const dial = make("div", { class: "dial" }, make("label", {}, "Row ", choice), back);
  const box = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "What each value adds" }, table);
  showIn(place, make("div", { class: "explorer-panel" }, dial, said, box));
  reset();
};
