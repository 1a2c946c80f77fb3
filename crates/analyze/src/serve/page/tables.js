/** Tables of answers. Whatever stands in an answer, it is text here. */
const tables = (() => {
"use strict";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A button that looks like a link, or any other. */
function button(text, act, className) {
  const made = element("button", text, className);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/**
 * A table in a place of its own, which scrolls: `columns` have a `name`, `of` for what of a row stands there, text or an
 * element, and `isNumber`.
 */
function fill(place, label, columns, rows) {
  const region = element("div", null, "wide");
  region.tabIndex = 0;
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", label);
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const { name, isNumber } of columns) {
    const cell = element("th", name, isNumber ? "number" : "text");
    cell.scope = "col";
    head.append(cell);
  }
  for (const row of rows) {
    const line = body.insertRow();
    columns.forEach(({ of, isNumber }, index) => {
      const cell = element(index ? "td" : "th", null, isNumber ? "number" : "text");
      if (!index) cell.scope = "row";
      cell.append(of(row) ?? "");
      line.append(cell);
    });
  }
  region.append(table);
  place.replaceChildren(region);
}

return { button, element, fill };
})();
