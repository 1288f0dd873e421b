// The table of cases: sorts, filters, shows a page at a time, and unpacks a case when it is opened.
"use strict";
(() => {
  const PER_PAGE = 100;
  const LONG = 20; // characters of a word from which on it may be broken
  const MOST_CHOICES = 12; // values of a column that are offered as a choice
  const RANK = { failed: 0, mismatch: 0, "not-comparable": 1, match: 2, done: 2 };

  document.addEventListener("click", async (event) => {
    if (!event.target.matches(".copy")) return;
    await navigator.clipboard.writeText(event.target.parentElement.querySelector("code").textContent);
    event.target.textContent = "copied";
  });

  const index = document.getElementById("index");
  if (!index || !window.DecompressionStream) return;
  const { together, columns, rows, alike, groups } = JSON.parse(index.textContent);
  const packed = document.getElementsByClassName("packed");
  const text = (row, column) => columns[column].values[rows[row][column]];
  const find = (name) => columns.findIndex((column) => column.name === name);
  const VERDICT = find("verdict");
  const CASE = find("case");
  const ALL = [...columns.keys()];
  const lines = rows.map((row) =>
    row.map((value, column) => `${columns[column].name}=${columns[column].values[value]}`).join(" ").toLowerCase());
  for (const column of columns) {
    column.numeric = column.values.every((value) => ["", "-", "none"].includes(value) || !isNaN(value));
    column.order = column.values.map((value) => {
      if (!column.numeric || value === "") return value;
      return value === "none" ? Infinity : parseFloat(value); // a tolerance that nothing passes at
    });
  }
  columns[VERDICT].order = columns[VERDICT].values.map((value) => RANK[value]);

  const state = { words: [], chosen: new Map(), sort: VERDICT, down: false, page: 0, all: false, open: new Set(), group: null };
  let shown = [];

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // A long word, as a path is, may be broken after a sign, and nowhere else.
  function breakable(text, long = LONG) {
    const parts = text.split(/\s/).some((word) => word.length > long) ? text.split(/(?<=[/_.:,=-])/) : [text];
    return parts.flatMap((part, at) => (at ? [make("wbr"), part] : [part]));
  }

  // -- which cases, in which order

  // A word is looked for anywhere in a line. A verdict is that verdict, and num_layers=1 that value, where there is
  // such a one; the conditions of --filter hold as there.
  const CONDITION = /^([\w.]+)(==|!=|>=|<=|=|>|<)(.+)$/;
  const COMPARED = {
    "=": (a, b) => a === b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
    ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b,
  };

  function condition(word) {
    const verdict = columns[VERDICT].values.indexOf(word);
    if (verdict >= 0) return (row) => rows[row][VERDICT] === verdict;
    const [, path, sign, wanted] = word.match(CONDITION) || [];
    const name = path && path.split(".").pop();
    const column = columns.findIndex((each) => each.name.toLowerCase() === name);
    const known = column >= 0 ? columns[column].values : name in alike ? [alike[name]] : null;
    if (!known) return (row) => lines[row].includes(word);
    const byNumber = "<>".includes(sign[0]);
    const typed = byNumber ? Number(wanted) : wanted;
    if (sign === "=" && !known.some((each) => each.toLowerCase() === wanted)) {
      return (row) => lines[row].includes(word); // it is still being typed
    }
    const holds = known.map((each) => COMPARED[sign](byNumber ? parseFloat(each) : each.toLowerCase(), typed));
    return column >= 0 ? (row) => holds[rows[row][column]] : () => holds[0];
  }

  function choose() {
    const conditions = state.words.map(condition);
    const kept = (row) => {
      if (state.group && !state.group.has(row)) return false;
      for (const [column, value] of state.chosen) if (rows[row][column] !== value) return false;
      return conditions.every((holds) => holds(row));
    };
    const order = columns[state.sort].order;
    const key = (row) => order[rows[row][state.sort]];
    const missing = (value) => value === "" || Number.isNaN(value);
    const compare = (one, other) => {
      const a = key(one), b = key(other);
      if (missing(a) || missing(b)) return missing(a) - missing(b); // at the end either way
      return (a < b ? -1 : a > b ? 1 : 0) * (state.down ? -1 : 1);
    };
    shown = [...rows.keys()].filter(kept).sort((one, other) => compare(one, other) || one - other);
    state.page = 0;
    draw();
  }

  // -- what is drawn

  const body = make("tbody");
  const count = make("output", { "aria-live": "polite" });
  const earlier = make("button", { type: "button" }, "\u2039 earlier");
  const later = make("button", { type: "button" }, "later \u203a");
  const every = make("button", { type: "button", "aria-pressed": "false" }, "on one page");

  function draw() {
    const size = state.all ? shown.length : PER_PAGE;
    const from = state.page * size;
    const part = shown.slice(from, from + size);
    body.replaceChildren(...part.flatMap((row) => (state.open.has(row) ? [line(row, ALL), detail(row)] : [line(row, ALL)])));
    const total = rows.length === shown.length ? "" : ` of ${rows.length.toLocaleString("en")} cases`;
    const range = part.length < shown.length ? `${from + 1} to ${from + part.length} of ` : "";
    count.textContent = `${range}${shown.length.toLocaleString("en")}${total || " cases"}`;
    earlier.disabled = from === 0;
    later.disabled = from + part.length >= shown.length;
    earlier.hidden = later.hidden = every.hidden = rows.length <= PER_PAGE;
  }

  function line(row, among) {
    const cells = among.map((at) => {
      const column = columns[at];
      const value = text(row, at);
      if (at === CASE) {
        const attributes = { type: "button", class: "id", "aria-expanded": state.open.has(row), "data-row": row };
        return make("td", {}, make("button", attributes, value));
      }
      if (at === VERDICT) return make("td", { class: value }, value);
      return make("td", { "data-name": column.name, class: column.numeric ? "n" : "" }, ...breakable(value));
    });
    return make("tr", {}, ...cells);
  }

  function detail(row) {
    const cell = make("td", { colspan: columns.length }, "...");
    unpacked(Math.floor(row / together)).then(
      (details) => { cell.innerHTML = details[row % together]; },
      (error) => { cell.textContent = `This case cannot be unpacked: ${error.message}`; },
    );
    return make("tr", { class: "detail" }, cell);
  }

  const known = new Map();
  function unpacked(part) {
    if (!known.has(part)) {
      const bytes = Uint8Array.from(atob(packed[part].textContent), (character) => character.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      known.set(part, new Response(stream).json());
    }
    return known.get(part);
  }

  function toggle(button, opened) {
    const row = Number(button.dataset.row);
    const open = !opened.delete(row);
    const under = button.closest("tr");
    if (open) {
      opened.add(row);
      under.after(detail(row));
      history.replaceState(null, "", `#${text(row, CASE)}`);
    } else {
      under.nextElementSibling.remove();
    }
    button.setAttribute("aria-expanded", open);
  }

  // -- controls

  const search = make("input", {
    type: "search", "aria-label": "Filter the cases",
    placeholder: "Filter: num_layers=2 mismatch",
  });
  search.addEventListener("input", () => {
    state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    choose();
  });

  function pick(column, value) {
    if (value === null) state.chosen.delete(column);
    else state.chosen.set(column, value);
    choose();
  }

  const tally = new Map();
  for (const row of rows) tally.set(row[VERDICT], (tally.get(row[VERDICT]) || 0) + 1);
  const verdicts = tally.size < 2 ? [] : [...tally].sort(([a], [b]) => columns[VERDICT].order[a] - columns[VERDICT].order[b]);
  const buttons = verdicts.map(([value, times]) => {
    const name = columns[VERDICT].values[value];
    const label = `${name} ${times.toLocaleString("en")}`;
    const button = make("button", { type: "button", class: name, "aria-pressed": "false" }, label);
    button.addEventListener("click", () => {
      const on = state.chosen.get(VERDICT) !== value;
      for (const other of buttons) other.setAttribute("aria-pressed", on && other === button);
      pick(VERDICT, on ? value : null);
    });
    return button;
  });

  const selects = columns.flatMap((column, at) => {
    if (at === VERDICT || at === CASE || column.values.length > MOST_CHOICES || column.values.length < 2) return [];
    const select = make("select", {}, make("option", { value: "" }, "any"));
    column.values.forEach((value, code) => select.append(make("option", { value: code }, value || "(none)")));
    select.addEventListener("change", () => pick(at, select.value === "" ? null : Number(select.value)));
    return [make("label", {}, `${column.name} `, select)];
  });

  earlier.addEventListener("click", () => { state.page -= 1; draw(); });
  later.addEventListener("click", () => { state.page += 1; draw(); });
  every.addEventListener("click", () => {
    state.all = !state.all;
    state.page = 0;
    every.setAttribute("aria-pressed", state.all);
    draw();
  });

  const heads = columns.map((column, at) => {
    const button = make("button", { type: "button" }, column.name);
    const head = make("th", { scope: "col", class: column.numeric ? "n" : "" }, button);
    button.addEventListener("click", () => {
      state.down = state.sort === at && !state.down;
      state.sort = at;
      mark();
      choose();
    });
    return head;
  });
  function mark() {
    heads.forEach((head, at) => {
      if (at === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function opens(element, opened) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button.id");
      if (button) toggle(button, opened);
    });
  }
  opens(body, state.open);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches("button.id")) {
      const all = [...event.target.closest("table").querySelectorAll("button.id")];
      const next = all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    }
  });

  // -- groups of failures: the cases of each, in the columns in which they differ

  const only = make("button", { type: "button", hidden: "" });
  only.addEventListener("click", () => pickGroup(null, ""));
  function pickGroup(group, name) {
    state.group = group;
    only.hidden = !group;
    only.textContent = `only ${name} \u00d7`;
    choose();
  }

  for (const fold of document.querySelectorAll(".members")) {
    fold.addEventListener("toggle", () => {
      const group = groups[fold.dataset.group];
      const name = fold.closest(".group").querySelector("h3").textContent;
      const differs = (at) => at === CASE || group.some((row) => rows[row][at] !== rows[group[0]][at]);
      const among = ALL.filter((at) => differs(at) && !["why", "passes at"].includes(columns[at].name));
      const heads = among.map((at) => make("th", { scope: "col", class: columns[at].numeric ? "n" : "" }, ...breakable(columns[at].name, 0)));
      const members = make("tbody", {}, ...group.slice(0, PER_PAGE).map((row) => line(row, among)));
      opens(members, new Set());
      const rest = group.length > PER_PAGE ? `The first ${PER_PAGE}. ` : "";
      const all = make("button", { type: "button" }, `show all ${group.length.toLocaleString("en")} in the table`);
      all.addEventListener("click", () => {
        pickGroup(new Set(group), name);
        document.getElementById("cases").scrollIntoView();
      });
      const table = make("table", { class: "cases" }, make("thead", {}, make("tr", {}, ...heads)), members);
      fold.querySelector("ul").replaceWith(make("div", { class: "wide" }, table), ...(group.length > 1 ? [make("p", {}, rest, all)] : []));
    }, { once: true });
  }

  function follow() {
    const row = rows.findIndex((_, at) => text(at, CASE) === location.hash.slice(1));
    const place = shown.indexOf(row);
    if (row < 0 || place < 0) return;
    state.open.add(row);
    state.page = state.all ? 0 : Math.floor(place / PER_PAGE);
    draw();
    body.querySelector(`[data-row="${row}"]`).scrollIntoView();
  }
  window.addEventListener("hashchange", follow);

  const choices = selects.length
    ? [make("details", {}, make("summary", {}, "By argument"), make("div", {}, ...selects))] : [];
  document.getElementById("static").replaceWith(
    make("div", { class: "controls" }, search, only, ...buttons, ...choices, count, earlier, later, every),
    make("div", { id: "around" }, make("table", { id: "table", class: "cases" }, make("thead", {}, make("tr", {}, ...heads)), body)),
  );
  mark();
  choose();
  follow();
})();
