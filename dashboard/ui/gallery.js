// Buttons are made anew only when the pictures change, so that the focus stays where it is.
export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  strip.setAttribute("aria-label", data.label);
  strip.classList.toggle("wrap", data.wrap);
  strip.style.setProperty("--ratio", data.ratio);
  const mark = (name) => {
    for (const button of strip.children) {
      button.setAttribute("aria-pressed", String(button.dataset.name === name));
    }
  };
  const line = (kind, text) => {
    const made = document.createElement("span");
    made.className = kind;
    made.textContent = text;
    return made;
  };
  const picture = (tile) => {
    if (!tile.src) return line("lost", tile.state === "waiting" ? "…" : "No picture");
    const image = document.createElement("img");
    image.src = tile.src;
    image.alt = "";
    return image;
  };
  const content = JSON.stringify(data.tiles);
  if (strip.content !== content) {
    strip.content = content;
    strip.replaceChildren(...data.tiles.map((tile) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.name = tile.name;
      button.title = tile.caption ? `${tile.label}\n${tile.caption}` : "";
      button.append(picture(tile), line("label", tile.label));
      if (tile.caption) button.append(line(`caption ${tile.state}`, tile.caption));
      return button;
    }));
  }
  for (const button of strip.children) {
    button.onclick = () => {
      mark(button.dataset.name);
      setTriggerValue("picked", button.dataset.name);
    };
  }
  mark(data.chosen);
}
