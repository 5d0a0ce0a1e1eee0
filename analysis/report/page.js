"use strict";
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) target.pause();
    else if (!still) target.play().catch(() => {});
  }
}, { threshold: 0.5 });
document.querySelectorAll("video").forEach((video) => {
  watch.observe(video);
  video.controls = still;
  for (const [event, shown] of [["pointerenter", true], ["focus", true], ["pointerleave", still], ["blur", still]]) {
    video.addEventListener(event, () => { video.controls = shown; });
  }
});
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const body = table.tBodies[0];
    const value = (row) => {
      const cell = row.cells[column];
      return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
    };
    const rows = [...body.rows].sort((one, two) => {
      const first = value(one), second = value(two);
      if (first !== null && second !== null) return first - second;
      if (first !== null || second !== null) return first === null ? 1 : -1;
      return one.cells[column].textContent.localeCompare(two.cells[column].textContent, "en", { numeric: true });
    });
    if (falling) rows.reverse();
    body.append(...rows);
  }));
}
