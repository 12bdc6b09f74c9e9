// Buttons are made anew only when the pictures change, so that the focus stays where it is.
export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  strip.setAttribute("aria-label", data.label);
  const mark = (name) => {
    for (const button of strip.children) {
      button.setAttribute("aria-pressed", String(button.dataset.name === name));
    }
  };
  const content = JSON.stringify(data.tiles);
  if (strip.content !== content) {
    strip.content = content;
    strip.replaceChildren(...data.tiles.map((tile) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      const label = document.createElement("span");
      button.type = "button";
      button.dataset.name = tile.name;
      image.src = tile.src;
      image.alt = "";
      label.textContent = tile.label;
      button.append(image, label);
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
