"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dialog = document.querySelector("dialog");
  const activities = all(".activity");
  const row = (activity) => activity.querySelector("summary");
  const visible = () => activities.filter((activity) => activity.getClientRects().length);
  const instant = { block: "nearest", behavior: "instant" };

  function focus(activity) {
    if (!activity) return;
    row(activity).focus({ preventScroll: true });
    row(activity).scrollIntoView(instant);
  }

  function show(activity) {
    activity.hidden = false;
    if (activity.matches(".part")) parts(activity.closest(".timeline"), true);
    activity.open = true;
    row(activity).focus({ preventScroll: true });
    row(activity).scrollIntoView({ block: "center", behavior: "instant" });
  }

  function step(by) {
    const shown = visible();
    const at = shown.findIndex((activity) => activity.contains(document.activeElement));
    const first = shown.find((activity) => activity.matches(".broke")) || shown[0];
    focus(at < 0 ? first : shown[Math.min(shown.length - 1, Math.max(0, at + by))]);
  }

  function parts(timeline, on) {
    timeline.dataset.part = on ? "shown" : "hidden";
    timeline.querySelector(".parts")?.setAttribute("aria-pressed", String(on));
    filter(timeline);
  }

  function filter(timeline) {
    const sought = timeline.querySelector("input").value.trim().toLowerCase();
    const within = all(".activity", timeline);
    for (const activity of within) activity.hidden = sought !== "" && !activity.textContent.toLowerCase().includes(sought);
    const loud = within.filter((activity) => timeline.dataset.part === "shown" || !activity.matches(".part"));
    timeline.querySelector(".count").textContent = sought ? `${loud.filter((activity) => !activity.hidden).length} of ${loud.length}` : "";
  }

  for (const timeline of all(".timeline")) {
    timeline.querySelector("input").addEventListener("input", () => filter(timeline));
    timeline.querySelector(".parts")?.addEventListener("click", () => parts(timeline, timeline.dataset.part === "hidden"));
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
    const activity = location.hash.startsWith("#activity-") && document.getElementById(location.hash.slice(1));
    if (activity) show(activity);
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#activity-']");
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
        focus(visible().find((activity) => timeline.contains(activity)));
      }
      return;
    }
    // What scrolls by itself keeps its arrows.
    if (event.key.startsWith("Arrow") && here.matches("pre, .scroll, .source, .log")) return;
    const activity = here.matches(".activity > summary") ? here.parentElement : null;
    const keys = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      Home: activity && (() => focus(visible()[0])),
      End: activity && (() => focus(visible().at(-1))),
      ArrowRight: activity && (() => { activity.open = true; }),
      ArrowLeft: activity && (() => { activity.open = false; }),
      b: () => show(document.querySelector(".activity.broke") || document.querySelector(".activity.failed") || activities[0]),
      p: timeline && (() => parts(timeline, timeline.dataset.part === "hidden")),
      "/": timeline && (() => timeline.querySelector("input").focus()),
      "?": () => dialog.showModal(),
    };
    if (keys[event.key] && activities.length) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  for (const card of all("svg.way .broke")) card.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
  scrollTo(0, 0);
  follow();
})();
