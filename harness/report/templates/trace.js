"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dialog = document.querySelector("dialog");
  const hops = all(".hop");
  const row = (hop) => hop.querySelector("summary");
  const visible = () => hops.filter((hop) => hop.getClientRects().length);
  const instant = { block: "nearest", behavior: "instant" };

  function focus(hop) {
    if (!hop) return;
    row(hop).focus({ preventScroll: true });
    row(hop).scrollIntoView(instant);
  }

  function show(hop) {
    hop.hidden = false;
    if (hop.matches(".quiet")) plumbing(hop.closest(".timeline"), true);
    hop.open = true;
    row(hop).focus({ preventScroll: true });
    row(hop).scrollIntoView({ block: "center", behavior: "instant" });
  }

  function step(by) {
    const shown = visible();
    const at = shown.findIndex((hop) => hop.contains(document.activeElement));
    const first = shown.find((hop) => hop.matches(".broke")) || shown[0];
    focus(at < 0 ? first : shown[Math.min(shown.length - 1, Math.max(0, at + by))]);
  }

  function plumbing(timeline, on) {
    timeline.dataset.quiet = on ? "shown" : "hidden";
    timeline.querySelector(".plumbing")?.setAttribute("aria-pressed", String(on));
    filter(timeline);
  }

  function filter(timeline) {
    const sought = timeline.querySelector("input").value.trim().toLowerCase();
    const within = all(".hop", timeline);
    for (const hop of within) hop.hidden = sought !== "" && !hop.textContent.toLowerCase().includes(sought);
    const loud = within.filter((hop) => timeline.dataset.quiet === "shown" || !hop.matches(".quiet"));
    timeline.querySelector(".count").textContent = sought ? `${loud.filter((hop) => !hop.hidden).length} of ${loud.length}` : "";
  }

  for (const timeline of all(".timeline")) {
    timeline.querySelector("input").addEventListener("input", () => filter(timeline));
    timeline.querySelector(".plumbing")?.addEventListener("click", () => plumbing(timeline, timeline.dataset.quiet === "hidden"));
  }
  for (const button of all(".keys")) button.addEventListener("click", () => dialog.showModal());
  for (const button of all(".copy"))
    button.addEventListener("click", async () => {
      const command = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        // A page that was opened as a file may not: then it is selected, to be copied by hand.
        getSelection().selectAllChildren(command);
      }
    });

  function follow() {
    const hop = location.hash.startsWith("#hop-") && document.getElementById(location.hash.slice(1));
    if (hop) show(hop);
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#hop-']");
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    follow();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const here = document.activeElement;
    const timeline = here.closest(".timeline") || document.querySelector(".timeline");
    if (here.matches("input")) {
      if (event.key === "Escape") {
        here.value = "";
        filter(timeline);
        step(0);
      } else if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        focus(visible().find((hop) => timeline.contains(hop)));
      }
      return;
    }
    // What scrolls by itself keeps its arrows.
    if (event.key.startsWith("Arrow") && here.matches("pre, .scroll, .source, .log")) return;
    const hop = here.matches(".hop > summary") ? here.parentElement : null;
    const keys = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      Home: hop && (() => focus(visible()[0])),
      End: hop && (() => focus(visible().at(-1))),
      ArrowRight: hop && (() => { hop.open = true; }),
      ArrowLeft: hop && (() => { hop.open = false; }),
      b: () => show(document.querySelector(".hop.broke") || document.querySelector(".hop.failed") || hops[0]),
      p: timeline && (() => plumbing(timeline, timeline.dataset.quiet === "hidden")),
      "/": timeline && (() => timeline.querySelector("input").focus()),
      "?": () => dialog.showModal(),
    };
    if (keys[event.key] && hops.length) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  for (const card of all("svg.way .broke")) card.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
  scrollTo(0, 0);
  follow();
})();
