"use strict";
// Names are only ever text here, never markup.
const byId = (id) => document.getElementById(id);
const state = { rater: "", clips: [], given: {}, at: 0, since: 0, waiting: Promise.resolve() };

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  const answer = await fetch(path, options);
  const values = await answer.json();
  if (!answer.ok) throw new Error(values.error);
  return values;
}

function fail(error) {
  byId("error").textContent = `${error.message}. Your answers so far are kept; reload the page to continue.`;
}

function make(tag, properties, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function figure(name, place) {
  const video = make("video", { src: `/clip/${name}`, muted: true, loop: true, autoplay: true, playsInline: true });
  video.setAttribute("aria-label", `Video ${place + 1}`);
  const button = (obeys, label) => {
    const made = make("button", { type: "button", textContent: label });
    made.dataset.obeys = obeys;
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", () => answer(place, obeys));
    return made;
  };
  return make("figure", {}, video, make("div", { className: "answers" }, button(true, "Yes"), button(false, "No")));
}

async function screen() {
  const shown = await ask(`/screen?rater=${encodeURIComponent(state.rater)}`);
  Object.assign(state, { rater: shown.rater, clips: shown.clips, given: {}, at: 0, since: performance.now() });
  byId("enter").hidden = true;
  byId("rate").hidden = shown.clips.length === 0;
  byId("end").hidden = shown.clips.length > 0;
  byId("thanks").textContent = `${shown.rater}: all ${shown.all} videos are rated. You may close this page.`;
  byId("progress").textContent = `${shown.done} of ${shown.all}`;
  byId("clips").replaceChildren(...shown.clips.map(figure));
  mark();
}

function mark() {
  [...byId("clips").children].forEach((element, place) => {
    element.classList.toggle("current", place === state.at);
    for (const button of element.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(String(state.given[place]) === button.dataset.obeys));
    }
  });
  byId("next").disabled = Object.keys(state.given).length < state.clips.length;
}

function answer(place, obeys) {
  const seconds = (performance.now() - state.since) / 1000;
  const said = { rater: state.rater, clip: state.clips[place], obeys, seconds };
  state.given[place] = obeys;
  const missing = state.clips.findIndex((_, other) => !(other in state.given));
  state.at = missing < 0 ? place : missing;
  mark();
  state.waiting = state.waiting.then(() => ask("/answer", said));
  state.waiting.catch(fail);
}

function next() {
  if (!byId("next").disabled) state.waiting.then(screen).catch(fail);
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  state.rater = byId("name").value;
  screen().catch(fail);
});
byId("next").addEventListener("click", next);
document.addEventListener("keydown", (event) => {
  if (byId("rate").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (key === "y" || key === "n") answer(state.at, key === "y");
  else if (key === "arrowright" || key === "arrowleft") {
    state.at = Math.max(0, Math.min(state.clips.length - 1, state.at + (key === "arrowright" ? 1 : -1)));
    mark();
  } else if (key === "enter" && document.activeElement.tagName !== "BUTTON") next();
});
