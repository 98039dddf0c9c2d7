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

// A live region is not replaced under the reader's hands: not while text in it is
// selected, or something has the focus that cannot be found again. Folds stay open,
// and the focus stays: htmx puts it back to what has an id, this to what folds.
let open = [];
let focused = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  const selection = getSelection();
  const focus = document.activeElement;
  const inside = focus !== region && region.contains(focus);
  focused = inside && focus.tagName === "SUMMARY" ? focus.parentElement.id : "";
  const reading = !selection.isCollapsed && region.contains(selection.anchorNode);
  if (reading || (inside && !focus.id && !focused)) event.detail.shouldSwap = false;
  open = [...document.querySelectorAll("details[open][id]")].map((fold) => fold.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.querySelector("summary").focus({ preventScroll: true });
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
