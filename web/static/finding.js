// Copies an address to the clipboard instead of showing it as a page of text. The server writes down that it
// gave the address away, in both cases.
import { token } from "./console.js";

for (const form of document.querySelectorAll("form[data-copies-address]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "x-csrf-token": token() },
    });
    const said = form.querySelector("[data-copied]");
    if (!answer.ok) { form.submit(); return; }
    const address = (await answer.text()).trim();
    try {
      await navigator.clipboard.writeText(address);
      said.textContent = said.dataset.copied;
    } catch {
      said.textContent = address; // no clipboard without TLS
    }
  });
}
