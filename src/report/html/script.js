"use strict";
// Values where the pointer or the keyboard is. Without this script the marks have titles, and the tables hold everything.
(() => {
  const tip = document.getElementById("tip");
  const tell = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const left = Math.min(Math.max(x - tip.offsetWidth / 2, 8), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = y - tip.offsetHeight - 14;
    tip.style.left = left + "px";
    tip.style.top = (above > 4 ? above : y + 18) + "px";
  };
  const hush = () => { tip.hidden = true; };
  // What the keyboard is on: getting there scrolls the page, and the values go with it.
  let again;
  const hold = (show) => { again = show; show(); };
  const drop = () => { again = undefined; hush(); };
  const middle = (box) => [box.left + box.width / 2, box.top];

  // A title of the browser's own would stand over ours.
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.setAttribute("aria-label", title.textContent);
    title.remove();
  }

  for (const plot of document.querySelectorAll(".plot")) {
    const marks = [...plot.querySelectorAll(".mark")];
    // One stop for the whole plot; arrows go from mark to mark.
    if (marks.length) marks[0].setAttribute("tabindex", "0");
    for (const [index, mark] of marks.entries()) {
      const show = () => tell(mark.getAttribute("aria-label"), ...middle(mark.getBoundingClientRect()));
      mark.addEventListener("pointerenter", show);
      mark.addEventListener("pointerleave", hush);
      mark.addEventListener("focus", () => hold(show));
      mark.addEventListener("blur", drop);
      mark.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        marks[(index + step + marks.length) % marks.length].focus();
      });
    }
  }

  // Panels of a node: units are tenths of a second and of a percent, in steps from the first point of each stretch.
  const points = (path) => path.getAttribute("d").split("M").slice(1).flatMap((run) => {
    const numbers = run.match(/-?\d+/g).map(Number);
    let [x, y] = numbers;
    const found = [[x, y]];
    for (let i = 4; i < numbers.length; i += 2) found.push([x += numbers[i], y += numbers[i + 1]]);
    return found;
  });
  for (const panel of document.querySelectorAll(".nodes svg")) {
    let lines, times, at = 0, cursor;
    const ready = () => {
      if (lines) return;
      lines = [...panel.querySelectorAll("[data-arm]")].map((path) => [path.dataset.arm, new Map(points(path))]);
      times = [...new Set(lines.flatMap(([, values]) => [...values.keys()]))].sort((a, b) => a - b);
      cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
      cursor.setAttribute("class", "cursor");
    };
    const show = () => {
      if (!times.length) return;
      const nearest = (values) => [...values.keys()].reduce((best, x) => Math.abs(x - times[at]) < Math.abs(best - times[at]) ? x : best, Infinity);
      const told = lines.map(([arm, values]) => {
        const x = nearest(values);
        return Math.abs(x - times[at]) <= 10 ? arm + ": " + (values.get(x) / 10).toFixed(1) + " %" : arm + ": –";
      });
      cursor.setAttribute("d", "M" + times[at] + " 0v" + panel.viewBox.baseVal.height);
      panel.querySelector("g").append(cursor);
      const box = panel.getBoundingClientRect();
      tell([(times[at] / 10).toFixed(1) + " s", ...told].join("\n"), box.left + times[at] / panel.viewBox.baseVal.width * box.width, box.top);
    };
    const leave = () => { hush(); cursor?.remove(); };
    panel.addEventListener("pointermove", (event) => {
      ready();
      const box = panel.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * panel.viewBox.baseVal.width;
      at = times.reduce((best, time, index) => Math.abs(time - x) < Math.abs(times[best] - x) ? index : best, 0);
      show();
    });
    panel.addEventListener("pointerleave", leave);
    panel.addEventListener("focus", () => { ready(); hold(show); });
    panel.addEventListener("blur", () => { drop(); leave(); });
    panel.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      at = Math.min(Math.max(at + step, 0), times.length - 1);
      show();
    });
  }

  document.addEventListener("keydown", (event) => { if (event.key === "Escape") drop(); });
  document.addEventListener("scroll", () => again ? again() : hush(), { passive: true });

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach((fold) => {
    fold.open = true;
    fold.dataset.unfolded = "";
  }));
  addEventListener("afterprint", () => document.querySelectorAll("[data-unfolded]").forEach((fold) => {
    fold.open = false;
    delete fold.dataset.unfolded;
  }));
})();
