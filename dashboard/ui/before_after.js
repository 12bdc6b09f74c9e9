// Called again with new data after each change of a setting: the line stays where it is.
export default function ({ data, parentElement }) {
  const pair = parentElement.querySelector(".pair");
  const range = pair.querySelector("input");
  for (const [place, side] of [["before", "left"], ["after", "right"]].entries()) {
    const [which, corner] = side;
    const image = pair.querySelector(`.${which}`);
    if (image.src !== data[which]) image.src = data[which];
    image.alt = data.names[place];
    pair.querySelector(`.${corner}`).textContent = data.names[place];
  }
  const before = pair.querySelector(".before");
  const fit = () => {
    const ratio = before.naturalWidth / before.naturalHeight;
    if (ratio) pair.style.maxWidth = `calc(75vh * ${ratio})`;
  };
  before.onload = fit;
  fit();
  range.setAttribute("aria-label", `${data.names[0]} to the left of the line, ` +
    `${data.names[1]} to its right: move the line`);
  const move = () => {
    pair.style.setProperty("--at", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${Math.round(range.value)}% ${data.names[0]}`);
  };
  range.oninput = move;
  move();
}
