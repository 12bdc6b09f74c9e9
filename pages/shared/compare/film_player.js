// All frames are here already: moving and playing asks the server for nothing.
const EVERY = 600;

export default function ({ data, parentElement }) {
  const film = parentElement.querySelector(".film");
  const image = film.querySelector("img");
  const range = film.querySelector("input");
  const play = film.querySelector(".play");
  const last = data.frames.length - 1;
  film.style.maxWidth = `calc(62vh * ${data.ratio})`;
  range.max = last;
  if (film.of !== data.of) range.value = last;  // a film that is new here shows its end first
  film.of = data.of;

  const draw = () => {
    const frame = data.frames[Number(range.value)];
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
    stop();
    draw();
  };
  draw();
  return () => clearInterval(film.timer);
}
