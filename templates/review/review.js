"use strict";

/* Sorting, filtering, copying, and what can be moved: the threshold, and the column whose attributions are shown.
   Everything can be read without this script; text from data is only ever set as text. */

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

/* Tables */

const cellText = (row, column) => (row.cells[column] ? row.cells[column].textContent.trim() : "");

/* The first number in a cell, as the page writes numbers: 1,234.5 or −0.1 or 12% or none; otherwise not a number.
   What is only known to be less, as <0.001, comes before that number itself. */
const leadingNumber = (text) => {
  if (text === "none") return 0;
  const found = /^(<?)([+−-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?)/i.exec(text);
  if (!found) return NaN;
  const number = Number(found[2].replace("−", "-").replaceAll(",", ""));
  return found[1] ? number - Math.abs(number) / 2 : number;
};

const isMissing = (text) => ["", "–", "nan", "not defined", "not set"].includes(text);

const isDate = (text) => /^\d{4}-\d\d-\d\d/.test(text);

const compareTexts = (first, second) => {
  const [one, other] = [leadingNumber(first), leadingNumber(second)];
  if (isDate(first) && isDate(second)) return Date.parse(first) - Date.parse(second);
  if (!Number.isNaN(one) && !Number.isNaN(other) && one !== other) return one - other;
  return first.localeCompare(second, "en", { numeric: true });
};

const sortRows = (body, rows, column, direction) => {
  const key = (row) => row.cells[column]?.dataset.sort ?? cellText(row, column);
  const sorted = [...rows];
  if (direction) {
    sorted.sort((first, second) => {
      const [one, other] = [key(first), key(second)];
      if (isMissing(one) || isMissing(other)) return isMissing(one) - isMissing(other);
      return direction === "ascending" ? compareTexts(one, other) : compareTexts(other, one);
    });
  }
  body.append(...sorted);
};

const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

const makeSortable = (table, rows) => {
  const headers = [...table.tHead.rows[0].cells];
  for (const [column, header] of headers.entries()) {
    if (header.tagName !== "TH" || !header.textContent.trim()) continue;
    /* No button element: Chromium does not repeat a header that holds one on the next sheet of paper. */
    const button = make("span", { role: "button", tabindex: "0", class: "sort" }, ...header.childNodes);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      button.click();
    });
    button.addEventListener("click", () => {
      const direction = NEXT[header.getAttribute("aria-sort") || "none"];
      for (const other of headers) other.removeAttribute("aria-sort");
      if (direction !== "none") header.setAttribute("aria-sort", direction);
      sortRows(table.tBodies[0], rows, column, direction === "none" ? "" : direction);
    });
    header.append(button);
  }
};

const ROWS_WORTH_A_FILTER = 16;
const RUNS_WORTH_A_FILTER = 6;

const makeFilterable = (table, rows) => {
  const words = table.caption ? table.caption.textContent.trim() : "this table";
  const input = make("input", { type: "search", placeholder: "Filter rows", "aria-label": `Filter the rows of: ${words}` });
  const count = make("output");
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = wanted.length ? `${shown} of ${rows.length} rows` : "";
  });
  const box = table.closest(".scroll") || table;
  box.before(make("div", { class: "filter" }, input, count));
};

const improveTable = (table) => {
  const rows = table.tBodies[0] ? [...table.tBodies[0].rows] : [];
  if (!table.tHead || table.tHead.rows.length !== 1 || rows.length < 2 || table.matches(".sign-off")) return;
  if (rows.some((row) => [...row.cells].some((cell) => cell.rowSpan > 1))) return;
  makeSortable(table, rows);
  if (rows.length >= (table.matches(".runs") ? RUNS_WORTH_A_FILTER : ROWS_WORTH_A_FILTER)) makeFilterable(table, rows);
};

/* The threshold explorer */

const written = (value) => (Number.isFinite(value) ? value.toFixed(3).replace("-", "−") : "–");

/* Wilson (1927), doi:10.2307/2276774: the 95% interval of a share. */
const share = (hits, total) => {
  if (!total) return "not defined";
  const [rate, z] = [hits / total, 1.959964];
  const middle = (rate + (z * z) / (2 * total)) / (1 + (z * z) / total);
  const half = (z / (1 + (z * z) / total)) * Math.sqrt((rate * (1 - rate)) / total + (z * z) / (4 * total * total));
  return `${written(rate)} [${written(Math.max(0, middle - half))}, ${written(Math.min(1, middle + half))}]`;
};

const tableOf = (caption, columns) => {
  const heads = columns.map((column, place) => make("th", { scope: "col", class: place ? "number" : "" }, column));
  const body = make("tbody");
  const table = make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads)), body);
  const fill = (rows) => {
    const cells = (values) => values.map((value) => make("td", { class: "number" }, String(value)));
    body.replaceChildren(
      ...rows.map(([head, ...values]) => make("tr", {}, make("th", { scope: "row" }, String(head)), ...cells(values))),
    );
  };
  const box = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, table);
  return { box, fill };
};

/* Below the words that lead in, where there are any. */
const showIn = (place, panel) => {
  const lead = place.querySelector(".tk-lead");
  if (lead) lead.after(panel);
  else place.prepend(panel);
};

const OUTCOMES = { fp: "false positive", fn: "false negative", tp: "true positive", tn: "true negative" };

const numberInput = (label, value) => {
  const input = make("input", { type: "number", step: "any", value: String(value) });
  return [make("label", {}, `${label} `, input), input];
};

const exploreThreshold = (place, given) => {
  const slider = make("input", { type: "range", min: "0", max: String(given.labels.length - 1), step: "1" });
  const level = make("output");
  const back = make("button", { type: "button" }, "Back to the chosen threshold");
  const inputs = {};
  const costs = [];
  for (const [kind, words] of Object.entries(OUTCOMES)) {
    const [label, input] = numberInput(`Cost of a ${words}`, given.costs[kind]);
    inputs[kind] = input;
    if (kind === "fp" || kind === "fn" || given.costs[kind]) costs.push(label);
  }
  const confusion = tableOf("Confusion matrix", ["Actual", "Predicted negative", "Predicted positive"]);
  const rates = tableOf("At this threshold, with 95% intervals", ["Metric", "Value"]);
  const groups = tableOf("Each group at this threshold, with 95% intervals", [
    "Group", "Rows", "Selection rate", "Recall (TPR)", "False positive rate",
  ]);
  const features = [...new Set(given.groups.map((group) => group.feature))];
  const choice = make("select", {}, ...features.map((feature) => make("option", { value: feature }, feature)));

  const show = () => {
    const at = Number(slider.value);
    const [tp, fp] = [given.tp[at], given.fp[at]];
    const [fn, tn] = [given.positives - tp, given.negatives - fp];
    const cost = { tp, fp, fn, tn };
    const total = Object.keys(cost).reduce((sum, kind) => sum + cost[kind] * (Number(inputs[kind].value) || 0), 0);
    const rows = given.positives + given.negatives;
    level.textContent = `${given.labels[at]}${at === given.chosen ? " (chosen)" : ""}`;
    slider.setAttribute("aria-valuetext", level.textContent);
    const count = (value) => value.toLocaleString("en");
    confusion.fill([["negative", count(tn), count(fp)], ["positive", count(fn), count(tp)]]);
    rates.fill([
      ["Recall (true positive rate)", share(tp, given.positives)],
      ["Precision", share(tp, tp + fp)],
      ["False positive rate", share(fp, given.negatives)],
      ["Selection rate", share(tp + fp, rows)],
      [`Cost a row${given.currency ? `, ${given.currency}` : ""}`, written(total / rows)],
    ]);
    groups.fill(
      given.groups
        .filter((group) => group.feature === choice.value)
        .map((group) => [
          group.group,
          count(group.positives + group.negatives),
          share(group.tp[at] + group.fp[at], group.positives + group.negatives),
          share(group.tp[at], group.positives),
          share(group.fp[at], group.negatives),
        ]),
    );
  };

  const reset = () => {
    slider.value = String(given.chosen);
    show();
  };
  back.addEventListener("click", reset);
  for (const input of [slider, choice, ...Object.values(inputs)]) input.addEventListener("input", show);
  const dial = make("div", { class: "dial" }, make("label", {}, "Threshold ", slider), level, back);
  const panel = make("div", { class: "explorer-panel" }, dial, make("div", { class: "costs" }, ...costs));
  panel.append(make("div", { class: "pair" }, rates.box, confusion.box));
  if (features.length > 1) panel.append(make("label", {}, "Groups of ", choice));
  if (features.length) panel.append(groups.box);
  showIn(place, panel);
  reset();
};

/* What a column does to the score: a line for each of its values, a dot for each row, the mean with its interval */

const shape = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const percent = (place) => `${place / 10}%`;

const strip = ({ places: [mean, low, high], points }, zero) => {
  const drawing = shape("svg", { class: "strip", "aria-hidden": "true", focusable: "false" });
  drawing.append(shape("line", { class: "strip-zero", x1: percent(zero), x2: percent(zero), y1: 0, y2: 36 }));
  for (const [order, point] of points.entries()) {
    drawing.append(shape("circle", { class: "strip-dot", cx: percent(point), cy: 4 + 28 * ((order * 0.618) % 1), r: 1.6 }));
  }
  if (low !== null && high !== null) {
    drawing.append(shape("line", { class: "strip-range", x1: percent(low), x2: percent(high), y1: 18, y2: 18 }));
  }
  drawing.append(shape("circle", { class: "strip-mean", cx: percent(mean), cy: 18, r: 4.5 }));
  return drawing;
};

const exploreColumns = (place, given) => {
  const choice = make("select", {}, ...given.columns.map(({ name }, order) => make("option", { value: order }, name)));
  const said = make("p", { role: "status" });
  const [axis, body, caption] = [make("th", { scope: "col", class: "drawing" }), make("tbody"), make("caption")];
  const heads = [make("th", { scope: "col" }, "Value"), axis, make("th", { scope: "col", class: "number" }, "Mean")];
  const table = make("table", { class: "strips" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  const show = () => {
    const column = given.columns[Number(choice.value)];
    caption.textContent = `Attributions to ${column.name}, ${given.unit}: a small dot is a row, the large one the mean of `
      + "the rows with that value, its bar the 95% interval, the upright line zero";
    said.textContent = column.said;
    axis.replaceChildren(make("span", {}, column.ends[0]), make("span", {}, "attribution"), make("span", {}, column.ends[1]));
    body.replaceChildren(
      ...column.lines.map((line) => {
        const rows = make("span", { class: "more" }, `${line.rows.toLocaleString("en")} ${line.rows === 1 ? "row" : "rows"}`);
        const drawn = make("td", { class: "drawing" }, strip(line, column.zero));
        return make("tr", {}, make("th", { scope: "row" }, line.value, " ", rows), drawn, make("td", { class: "number" }, line.mean));
      }),
    );
  };
  choice.addEventListener("input", show);
  const box = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Attributions by value" }, table);
  showIn(place, make("div", { class: "explorer-panel" }, make("label", {}, "Column ", choice), said, box));
  show();
};

/* A page that has a row with other values brings the script for it: row.js. */
const EXPLORERS = { threshold: exploreThreshold, columns: exploreColumns, row: (place, given) => exploreRow(place, given) };

const explore = (place) => {
  const given = JSON.parse(place.dataset.explorer);
  EXPLORERS[given.kind](place, given);
};

/* A command to be copied */

const copyFrom = (button) => {
  const place = button.previousElementSibling;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(place.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(place);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
};

/* A name that is written from right to left stands by itself, so that the numbers around it keep their order. */

const LETTER = "[\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefc]";
const WORDS = `${LETTER}+(?:[\\s"'_-]+${LETTER}+)*`;
const RIGHT_TO_LEFT = new RegExp(`(${WORDS}(?:[\\s"'_-]*\\(${WORDS}\\)(?:[\\s"'_-]*${WORDS})?)*)`);

const isolate = (text) => {
  if (text.parentElement.closest("script, style, option, bdi")) return;
  const pieces = text.data.split(RIGHT_TO_LEFT);
  if (pieces.length > 1) text.replaceWith(...pieces.map((piece, place) => (place % 2 ? make("bdi", {}, piece) : piece)));
};

const textsOf = (root) => {
  const [walker, found] = [document.createTreeWalker(root, NodeFilter.SHOW_TEXT), []];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
};

/* What an explorer writes anew is seen to before it is shown. */
const keepIsolated = (place) => {
  const look = () => { for (const text of textsOf(place)) isolate(text); };
  look();
  new MutationObserver(look).observe(place, { childList: true, subtree: true });
};

/* Start */

const attempt = (improve, element) => {
  try {
    improve(element);
  } catch {
    /* What cannot be improved stays as it was written. */
  }
};

document.documentElement.classList.add("js");
for (const text of textsOf(document.body)) attempt(isolate, text);
for (const table of document.querySelectorAll("main table")) attempt(improveTable, table);
for (const place of document.querySelectorAll("[data-explorer]")) attempt(explore, place);
for (const place of document.querySelectorAll(".explorer")) attempt(keepIsolated, place);
for (const button of document.querySelectorAll(".copy")) attempt(copyFrom, button);
