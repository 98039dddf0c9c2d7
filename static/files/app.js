// What a page cannot do by itself: copy to the clipboard, and stay as the reader
// left it when a live region is replaced. Every page works without this file.

// Copy buttons are hidden by the stylesheet until this runs.
document.documentElement.classList.add("js");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("span");
  const words = label.textContent;
  try {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    label.textContent = "Copied";
    const said = document.getElementById("said"); // for who does not see the button
    if (said) said.textContent = "Copied";
  } catch {
    label.textContent = "Press Ctrl+C";
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
  }
  setTimeout(() => { label.textContent = words; }, 2000);
});

// "/" goes to the search box, unless one is typing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const box = document.querySelector("input[type=search]");
  if (!box) return;
  event.preventDefault();
  box.focus();
});

// The boxes that select many: all rows of a table, or those of a group, which ends
// where the next heading stands.
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  let bodies = [...all.closest("table").tBodies];
  if (all.dataset.all === "group") {
    bodies = bodies.slice(bodies.indexOf(all.closest("tbody")));
    const next = bodies.findIndex((body, i) => i > 0 && body.querySelector(".group"));
    if (next > 0) bodies.length = next;
  }
  for (const body of bodies) {
    for (const box of body.querySelectorAll("[type=checkbox]")) box.checked = all.checked;
  }
});

// A list says which rows it shows and what each of them says, so that it is sent
// only what is new.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const list = detail.elt;
  const { seen, versions } = list.dataset;
  if (!seen) return;
  const size = 3; // of a version; a row that was sent again carries its own
  const said = Array.from(list.querySelectorAll("tr[id^=c-]"), (row, i) => row.dataset.v || versions.slice(i * size, (i + 1) * size));
  detail.headers["Rollcall-Seen"] = seen + said.join("");
});

// A live region is not replaced under the reader's hands: not while text in it is
// selected, or something has the focus that cannot be found again. Folds stay open,
// boxes stay ticked, and the focus stays: htmx puts it back to what has an id, this to
// what folds and to what stands in a row that has one.
const reading = (region) => {
  const selection = getSelection();
  return !selection.isCollapsed && region.contains(selection.anchorNode);
};
const inRow = "a, input, summary";
let kept = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const region = detail.target;
  const focus = document.activeElement;
  const row = focus.closest("tr[id]");
  kept = {
    folds: [...document.querySelectorAll("details[open][id]")].map((fold) => fold.id),
    ticked: new Set(Array.from(document.querySelectorAll("tr[id] :checked"), (box) => box.value)),
    fold: focus.tagName === "SUMMARY" ? focus.parentElement.id : "",
    row: row ? row.id : "",
    place: row ? [...row.querySelectorAll(inRow)].indexOf(focus) : -1,
  };
  if (detail.swapOverride === "none") return; // its parts are looked at one by one
  const lost = focus !== region && region.contains(focus) && !focus.id && !kept.fold && !kept.row;
  if (lost || reading(region)) detail.shouldSwap = false;
});
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  const bare = (element) => {
    const copy = element.cloneNode(true);
    copy.removeAttribute("hx-swap-oob");
    return copy;
  };
  const part = detail.fragment.firstElementChild;
  if (reading(detail.target) || (part && bare(part).isEqualNode(bare(detail.target)))) detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  const { folds, ticked, fold, row, place } = kept;
  kept = null;
  for (const id of folds) document.getElementById(id)?.setAttribute("open", "");
  if (ticked.size > 0) {
    for (const box of document.querySelectorAll("tr[id] [type=checkbox]")) if (ticked.has(box.value)) box.checked = true;
  }
  if (fold) document.getElementById(fold)?.querySelector("summary").focus({ preventScroll: true });
  if (row) document.getElementById(row)?.querySelectorAll(inRow)[place]?.focus({ preventScroll: true });
  tellDown();
});

// Who does not see the page is told when the number of checks that are down changes.
const down = () => document.getElementById("down")?.title;
let downBefore = down();
const tellDown = () => {
  if (down() === downBefore) return;
  downBefore = down();
  document.getElementById("said").textContent = downBefore;
};

// What is told while a part of the page asks already is asked for once more; when the
// part was replaced meanwhile, its successor has to do it.
let missed = false;
document.addEventListener("sse:changed", ({ target }) => {
  if (target.classList.contains("htmx-request")) missed = true;
}, true);
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const asked = detail.requestConfig.elt;
  const successor = document.getElementById(asked.id);
  if (missed && !asked.isConnected && successor) htmx.trigger(successor, "sse:changed");
  missed = false;
});

// When the server does not answer, the page says since when it is out of date.
let fresh = new Date();
document.addEventListener("htmx:afterRequest", (event) => {
  const stale = document.getElementById("stale");
  if (!stale || event.detail.requestConfig.verb !== "get") return;
  if (event.detail.successful) fresh = new Date();
  stale.hidden = event.detail.successful;
  stale.querySelector("time").textContent = fresh.toTimeString().slice(0, 5);
});
