
"use strict";
// Sorts and filters the table of archives, and keeps the page up to date: asks for the page again, and puts what differs
// in the place of what is there. Nothing else is made here, so a page without this script is the same page.
(() => {
  const table = document.getElementById("table");
  const news = document.getElementById("news");
  const many = table && table.tBodies[0].rows.length > 300;
  const pause = many ? 5000 : 2000;
  const patience = 10000;
  const sorted = { column: -1, direction: 1 };

  // Numbers by their size, words by the alphabet; what isn't known last.
  function compare(a, b) {
    const one = a.cells[sorted.column].dataset.v;
    const other = b.cells[sorted.column].dataset.v;
    if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
    const difference = one - other;
    return sorted.direction * (Number.isNaN(difference) ? one.localeCompare(other) : difference);
  }

  function sort() {
    if (sorted.column < 0) return;
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const wanted = rows.slice().sort(compare);
    if (wanted.every((row, at) => row === rows[at])) return;
    const focused = document.activeElement;
    body.append(...wanted);
    if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
  }

  function filter() {
    const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = document.getElementById("state").value;
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const own = row.dataset.state;
      const text = words.length ? `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase() : "";
      const isState = state === "" || (state === "unwell" ? row.dataset.unwell !== undefined : state === own);
      row.hidden = !(isState && words.every((word) => text.includes(word)));
      shown += !row.hidden;
    }
    const all = table.tBodies[0].rows.length;
    const said = shown === all ? "" : `${shown} of ${all} archives`;
    const place = document.getElementById("shown");
    if (place.textContent !== said) place.textContent = said;
  }

  // What is chosen stands in the address, so that a reload, a bookmark and the way back keep it.
  function remember() {
    const chosen = new URLSearchParams();
    for (const id of ["filter", "state"]) {
      const { value } = document.getElementById(id);
      if (value) chosen.set(id, value);
    }
    if (sorted.column >= 0) chosen.set("sort", sorted.direction * (sorted.column + 1));
    history.replaceState(null, "", `#${chosen}`);
  }

  function show() {
    for (const [at, heading] of [...table.tHead.rows[0].cells].entries()) {
      if (at !== sorted.column) heading.removeAttribute("aria-sort");
      else heading.setAttribute("aria-sort", sorted.direction > 0 ? "ascending" : "descending");
    }
    sort();
    filter();
  }

  function recall() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const id of ["filter", "state"]) document.getElementById(id).value = chosen.get(id) ?? "";
    const by = Number.parseInt(chosen.get("sort") ?? "", 10);
    if (by && Math.abs(by) <= table.tHead.rows[0].cells.length) {
      sorted.column = Math.abs(by) - 1;
      sorted.direction = Math.sign(by);
    }
    show();
  }

  function begin() {
    for (const [at, heading] of [...table.tHead.rows[0].cells].entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        // Words begin with the first, numbers with the largest.
        const first = heading.classList.contains("num") ? -1 : 1;
        sorted.direction = sorted.column === at ? -sorted.direction : first;
        sorted.column = at;
        remember();
        show();
      });
    }
    for (const id of ["filter", "state"]) {
      document.getElementById(id).addEventListener("input", () => { remember(); filter(); });
    }
    document.getElementById("tools").hidden = false;
    recall();
  }

  // Puts each cell that differs in the place of the one that is there.
  function update(rows, fresh) {
    const known = new Map([...rows].map((row) => [row.dataset.name, row]));
    for (const row of [...fresh]) {
      const old = known.get(row.dataset.name);
      known.delete(row.dataset.name);
      if (!old) {
        table.tBodies[0].append(document.adoptNode(row));
        continue;
      }
      for (const name of ["state", "unwell"]) {
        if (row.dataset[name] === undefined) delete old.dataset[name];
        else old.dataset[name] = row.dataset[name];
      }
      for (const [at, cell] of [...row.cells].entries()) {
        const place = old.cells[at];
        if (cell.dataset.v === undefined) delete place.dataset.v;
        else place.dataset.v = cell.dataset.v;
        if (place.innerHTML !== cell.innerHTML) place.replaceChildren(...cell.childNodes);
      }
    }
    for (const gone of known.values()) gone.remove();
  }

  function replace(fresh) {
    document.title = fresh.title;
    for (const place of document.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${place.dataset.live}"]`);
      if (other && place.innerHTML !== other.innerHTML) place.replaceChildren(...other.childNodes);
    }
    const rows = table && fresh.getElementById("table");
    if (rows) {
      update(table.tBodies[0].rows, rows.tBodies[0].rows);
      sort();
      filter();
    }
    news.replaceChildren(...fresh.getElementById("news").childNodes);
  }

  let last = news.textContent;
  function complain(why) {
    document.body.classList.add("late");
    const said = `${why}; this is ${last}`;
    if (news.textContent !== said) news.textContent = said;
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(patience) });
      if (!answer.ok) {
        complain(answer.status === 404 ? "there is no such archive any more" : `archiver answers ${answer.status}`);
        return;
      }
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      last = news.textContent;
      document.body.classList.remove("late");
    } catch {
      complain("archiver does not answer");
    }
  }

  async function follow() {
    for (;;) {
      await new Promise((done) => setTimeout(done, pause));
      await refresh();
    }
  }

  if (table) begin();
  document.addEventListener("visibilitychange", refresh);
  window.addEventListener("hashchange", () => table && recall());
  follow();
})();
