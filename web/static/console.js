// What every page does with scripts on. Pages work without it; it only makes them pleasant.
// Parts of single pages are modules of their own, which their templates name.

export function token() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

// Forms whose controls apply at once (filters): the button is for browsers without scripts.
for (const form of document.querySelectorAll("form[data-apply-at-once]")) {
  form.addEventListener("change", () => form.requestSubmit());
  for (const button of form.querySelectorAll("[data-without-scripts]")) button.hidden = true;
}

// Forms that ask before they go.
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}
