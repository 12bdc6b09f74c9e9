// All frames are here already: moving and playing asks the server for nothing.
const EVERY = 600;

export default function ({ data, parentElement }) {
  const film = parentElement.querySelector(".film");
  const image = film.querySelector("img");
  const range = film.querySelector("input");
  const play = film.querySelector(".play");
  const last = data.frames.length - 1;
  film.style.maxWidth = `calc(62vh * ${data.ratio})`;
  // Frames come one after the other: the film shows its end until somebody moves it, and then
  // stays at the frame that is shown, whatever comes before it.
  const here = film.of === data.of && film.moved
    ? data.frames.findIndex((frame) => frame.title === film.shown)
    : -1;
  film.moved = here >= 0;
  film.of = data.of;
  range.max = last;
  range.value = here >= 0 ? here : last;

  const draw = () => {
    const frame = data.frames[Number(range.value)];
    film.shown = frame.title;
    image.src = frame.src;
    image.alt = frame.title;
    film.querySelector("output").textContent = frame.title;
    range.setAttribute("aria-valuetext", frame.title);
  };
  const stop = () => {
    clearInterval(film.timer);
    film.timer = null;
    play.textContent = "▶";
    play.setAttribute("aria-label", "Play");
  };
  const start = () => {
    film.moved = true;
    if (Number(range.value) >= last) range.value = 0;
    draw();
    play.textContent = "❚❚";
    play.setAttribute("aria-label", "Pause");
    film.timer = setInterval(() => {
      range.value = Number(range.value) + 1;
      draw();
      if (Number(range.value) >= last) stop();
    }, EVERY);
  };
  stop();
  play.hidden = range.hidden = last < 1;
  play.onclick = () => (film.timer ? stop() : start());
  range.oninput = () => {
    film.moved = true;
    stop();
    draw();
  };
  draw();
  return () => clearInterval(film.timer);
}
