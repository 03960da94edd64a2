"use strict";
// What HTML and htmx do not: all pages work without it.

// A chooser's choice opens at once.
document.addEventListener("change", (event) => {
  const select = event.target.closest("select[data-submit]");
  if (select) select.form.requestSubmit();
});

// The place that an address names is shown, even inside folded parts.
function reveal() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* a stray %: the id is as it stands */ }
  const place = id && document.getElementById(id);
  if (!place) return;
  for (let around = place; around; around = around.parentElement) {
    if (around.tagName === "DETAILS") around.open = true;
  }
  for (const folded of place.querySelectorAll(".said > details")) folded.open = true;
  place.scrollIntoView();
  if (place.hasAttribute("tabindex")) place.focus({ preventScroll: true });
}
addEventListener("hashchange", reveal);
document.addEventListener("DOMContentLoaded", reveal);

// A card that is short is loaded whole before it comes into view.
document.addEventListener("DOMContentLoaded", () => {
  const near = new IntersectionObserver((cards) => {
    for (const { isIntersecting, target } of cards) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      htmx.trigger(target, "near");
    }
  }, { rootMargin: "800px" });
  for (const card of document.querySelectorAll(".card.short")) near.observe(card);
});
// The place that the address names may have been in the short one.
document.addEventListener("htmx:afterSettle", (event) => {
  const place = document.getElementById(location.hash.slice(1));
  if (event.detail.requestConfig.path.includes("phase=short") && event.target.contains(place)) reveal();
});

// A request that went wrong is said, not swallowed; the next good one takes it back.
function trouble(words) {
  const place = document.getElementById("_trouble");
  place.textContent = words;
  place.hidden = !words;
}
document.addEventListener("htmx:sendError", () =>
  trouble("The server does not answer. This page tries again by itself."));
document.addEventListener("htmx:responseError", (event) =>
  trouble(event.detail.xhr.status === 401
    ? "You are signed out."
    : `The server refused (${event.detail.xhr.status}). Reload the page and try again.`));
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) trouble("");
});

// An options menu closes like a menu: by Escape, or by a click elsewhere.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".options[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".options[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
