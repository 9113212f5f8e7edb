// Parts of a page that wait for something (an outcome, progress) are fetched again until they are done: the
// server then leaves the attribute out. Without scripts a link does the same.

const EVERY_MS = 3000;
const LONGEST_MS = 10 * 60 * 1000;
const began = Date.now();

async function refresh() {
  const waiting = [...document.querySelectorAll("[data-refresh][id]")];
  if (!waiting.length || Date.now() - began > LONGEST_MS) return;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of waiting) {
          const now = fresh.getElementById(part.id);
          if (now) part.replaceWith(document.adoptNode(now));
        }
      }
    } catch {
      // The next try may succeed.
    }
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
