"use strict";
// Puts what is new into the page, unless that is paused, and filters the rows of the table whose bar was clicked.
(() => {
  const main = document.querySelector("main"), footer = document.querySelector("footer");
  const pause = document.getElementById("pause"), state = document.getElementById("state");
  const shown = document.getElementById("shown"), all = document.getElementById("all");
  const text = document.getElementById("query").textContent;
  let newest = null, paused = false, filter = null, sections = [];

  const apply = () => {
    for (const section of main.children) {
      const on = filter && section.dataset.title === filter.title;
      for (const row of section.querySelectorAll("tbody tr")) {
        row.hidden = Boolean(on) && row.children[filter.place].textContent !== filter.label;
      }
      for (const bar of section.querySelectorAll("rect[data-label]")) {
        bar.style.opacity = on && bar.dataset.label !== filter.label ? ".25" : "";
      }
    }
    shown.textContent = filter ? `${text} | where ${filter.condition}` : "";
    all.hidden = !filter;
  };

  const put = () => {
    if (!newest || paused) return;
    newest.sections.forEach((html, at) => {
      if (sections[at] === html) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      const now = template.content.firstElementChild, before = main.children[at];
      if (before) {
        const scrolled = before.querySelector(".t");
        const top = scrolled ? scrolled.scrollTop : 0;
        before.replaceWith(now);
        const scrolls = now.querySelector(".t");
        if (scrolls) scrolls.scrollTop = top;
      } else {
        main.append(now);
      }
    });
    while (main.children.length > newest.sections.length) main.lastElementChild.remove();
    sections = newest.sections;
    footer.innerHTML = newest.foot;
    newest = null;
    apply();
  };

  main.addEventListener("click", (event) => {
    const bar = event.target.closest("rect[data-label]");
    if (!bar) return;
    const section = bar.closest("section"), column = section.dataset.label, label = bar.dataset.label;
    const names = [...section.querySelectorAll("th")], place = names.findIndex((name) => name.textContent === column);
    if (place < 0) return;
    const name = /^[a-z_][a-z0-9_]*$/i.test(column) ? column : "`" + column.replaceAll("`", "``") + "`";
    const value = names[place].className === "n" ? label : JSON.stringify(label);
    filter = { title: section.dataset.title, label, place, condition: `${section.dataset.of}${name} == ${value}` };
    apply();
  });
  all.addEventListener("click", () => { filter = null; apply(); });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    put();
  });

  const source = new EventSource("events" + location.search);
  source.onopen = () => { state.textContent = "live"; };
  source.onerror = () => { state.textContent = "not connected"; };
  source.onmessage = (event) => {
    newest = JSON.parse(event.data);
    state.textContent = newest.state;
    put();
    if (newest && paused) state.textContent = "paused";
  };
})();
