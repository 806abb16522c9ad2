"use strict";
// Zoom and filter. The page is complete without it: everything here only hides, dims or widens what is there.
(() => {
  const MOST = 2000;
  const all = (selector, below = document) => Array.from(below.querySelectorAll(selector));
  const controls = document.querySelector(".controls");
  const box = document.querySelector(".lanes");
  if (!controls) return;
  controls.hidden = false;

  let zoom = 1;
  const gutter = () => (box.querySelector(".label") || { offsetWidth: 0 }).offsetWidth;
  const zoomTo = (factor, atX) => {
    const wide = box.clientWidth - gutter();
    const next = Math.min(Math.max(factor, 1), MOST);
    const place = (box.scrollLeft + atX) / (wide * zoom);
    zoom = next;
    box.style.setProperty("--zoom", String(zoom));
    box.scrollLeft = place * wide * zoom - atX;
    ticks();
  };

  // The axis is drawn again for the part that is seen.
  const axis = box && box.querySelector(".axis svg");
  const seconds = axis ? Number(axis.dataset.seconds) : 0;
  const ticks = () => {
    if (!axis || !seconds) return;
    const shown = seconds / zoom;
    const rough = shown / 8;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const wide = box.clientWidth - gutter();
    const from = Math.max(0, Math.floor((box.scrollLeft / (wide * zoom)) * seconds / step) - 1);
    axis.replaceChildren();
    for (let n = from; n * step <= seconds && n < from + 14; n += 1) {
      const at = (n * step / seconds) * 100 + "%";
      const line = document.createElementNS(axis.namespaceURI, "line");
      for (const [name, value] of [["x1", at], ["x2", at], ["y1", "0"], ["y2", "100%"], ["class", "tick"]]) {
        line.setAttribute(name, value);
      }
      const words = document.createElementNS(axis.namespaceURI, "text");
      words.setAttribute("x", at);
      words.setAttribute("y", "14");
      words.setAttribute("dx", "3");
      const digits = Math.max(0, -Math.floor(Math.log10(step)));
      words.textContent = "+" + (n * step).toFixed(digits) + " s";
      axis.append(line, words);
    }
  };

  if (box) {
    box.addEventListener("scroll", ticks);
    box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // without, the wheel scrolls as everywhere
      event.preventDefault();
      zoomTo(zoom * (event.deltaY < 0 ? 1.25 : 0.8), event.clientX - box.getBoundingClientRect().left - gutter());
    }, { passive: false });
    for (const button of all("[data-zoom]", controls)) {
      button.addEventListener("click", () => {
        const factor = Number(button.dataset.zoom);
        zoomTo(factor ? zoom * factor : 1, (box.clientWidth - gutter()) / 2);
      });
    }
    // From a finding to its place in the picture.
    for (const link of all("a[data-from]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const [from, to] = [Number(link.dataset.from), Number(link.dataset.to)];
        const wide = box.clientWidth - gutter();
        const part = Math.max((to - from) * 1.6, 1 / MOST);
        zoom = Math.min(Math.max(1 / part, 1), MOST);
        box.style.setProperty("--zoom", String(zoom));
        box.scrollLeft = ((from + to) / 2 - part / 2) * wide * zoom;
        ticks();
        box.scrollIntoView({ block: "nearest" });
      });
    }
  }

  const wanted = controls.querySelector("[type=search]");
  const boxes = all("[type=checkbox]", controls);
  const filter = () => {
    const words = wanted.value.trim().toLowerCase();
    const has = (text) => !words || text.toLowerCase().includes(words);
    const confidences = new Set(boxes.filter((b) => b.checked).map((b) => b.value));
    for (const article of all("article")) {
      article.hidden = !confidences.has(article.dataset.confidence) || !has(article.textContent);
    }
    for (const lane of all(".lane:not(.axis)")) {
      const named = has(lane.querySelector(".label").title);
      let some = named;
      for (const bar of all("rect:not(.life)", lane)) {
        const fits = named || has(bar.textContent);
        bar.classList.toggle("dim", !fits);
        some = some || fits;
      }
      lane.hidden = !some;
      for (const mark of all("a[data-confidence]", lane)) {
        mark.setAttribute("visibility", confidences.has(mark.dataset.confidence) ? "visible" : "hidden");
      }
    }
  };
  wanted.addEventListener("input", filter);
  for (const check of boxes) check.addEventListener("change", filter);
  addEventListener("resize", ticks);
  ticks();
})();
