// Pixels of a mask: a Uint8Array of width x height, 0 or 1, row by row. A shape holds the pixels
// whose centre lies in it. A box is [left, top, right, bottom], the last two exclusive.

const NOWHERE = [Infinity, Infinity, -Infinity, -Infinity];

function joined(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function fillRow(image, y, low, high, value) {
  const { mask, width } = image;
  const from = Math.max(0, Math.ceil(low - 0.5));
  const to = Math.min(width - 1, Math.floor(high - 0.5));
  if (from <= to) mask.fill(value, y * width + from, y * width + to + 1);
}

// A disk of a radius that moves from one point to another: in each row one run, as it is convex.
function paintCapsule(image, x0, y0, x1, y1, radius, value) {
  const { width, height } = image;
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [ux, uy] = length ? [(x1 - x0) / length, (y1 - y0) / length] : [0, 0];
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + radius));
  for (let y = top; y <= bottom; y++) {
    const [first, second] = [y + 0.5 - y0, y + 0.5 - y1];
    let [low, high] = [Infinity, -Infinity];
    for (const [x, across] of [[x0, first], [x1, second]]) {
      if (Math.abs(across) > radius) continue;
      const half = Math.sqrt(radius * radius - across * across);
      [low, high] = [Math.min(low, x - half), Math.max(high, x + half)];
    }
    if (length) {
      let [from, to] = [-Infinity, Infinity];
      if (uy) {
        const ends = [(first * ux - radius) / uy, (first * ux + radius) / uy];
        [from, to] = [Math.min(...ends), Math.max(...ends)];
      } else if (Math.abs(first) > radius) to = -Infinity;
      if (ux) {
        const ends = [(-first * uy) / ux, (length - first * uy) / ux];
        [from, to] = [Math.max(from, Math.min(...ends)), Math.min(to, Math.max(...ends))];
      } else if (first * uy < 0 || first * uy > length) to = -Infinity;
      if (from <= to) [low, high] = [Math.min(low, x0 + from), Math.max(high, x0 + to)];
    }
    fillRow(image, y, low, high, value);
  }
  for (const [x, y] of [[x0, y0], [x1, y1]]) { // the smallest brush still draws a pixel
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column >= 0 && column < width && row >= 0 && row < height) {
      image.mask[row * width + column] = value;
    }
  }
  const reach = Math.max(radius, 1);
  return clipped(image, [Math.min(x0, x1) - reach, Math.min(y0, y1) - reach,
    Math.max(x0, x1) + reach + 1, Math.max(y0, y1) + reach + 1]);
}

// A closed outline; where it crosses itself, all that it winds around is inside.
function paintPolygon(image, points, value) {
  const top = Math.max(0, Math.floor(Math.min(...points.map((p) => p[1]))));
  const bottom = Math.min(image.height - 1, Math.ceil(Math.max(...points.map((p) => p[1]))));
  const crossings = Array.from({ length: Math.max(0, bottom - top + 1) }, () => []);
  points.forEach(([x0, y0], place) => {
    const [x1, y1] = points[(place + 1) % points.length];
    if (y0 === y1) return;
    const [low, high] = [Math.min(y0, y1), Math.max(y0, y1)];
    const last = Math.min(bottom, Math.ceil(high - 0.5) - 1);
    for (let y = Math.max(top, Math.ceil(low - 0.5)); y <= last; y++) {
      const x = x0 + ((y + 0.5 - y0) * (x1 - x0)) / (y1 - y0);
      crossings[y - top].push([x, y1 > y0 ? 1 : -1]);
    }
  });
  crossings.forEach((row, place) => {
    row.sort((a, b) => a[0] - b[0]);
    let winding = 0;
    row.forEach(([x, turn], at) => {
      if (winding) fillRow(image, top + place, row[at - 1][0], x, value);
      winding += turn;
    });
  });
  const xs = points.map((p) => p[0]);
  return clipped(image, [Math.min(...xs), top, Math.max(...xs) + 1, bottom + 1]);
}

// The connected area round a pixel turns into the other value: background over edges, car over
// edges and corners. Returns null, and changes nothing, for background that reaches the border.
function turnArea(image, x, y) {
  const { mask, width, height } = image;
  const from = mask[y * width + x];
  const corner = from ? 1 : 0;
  const [VISITED, spans, stack] = [2, [], [[x, y]]];
  let box = NOWHERE;
  let atBorder = false;
  while (stack.length) {
    const [px, py] = stack.pop();
    const row = py * width;
    if (mask[row + px] !== from) continue;
    let [left, right] = [px, px];
    while (left > 0 && mask[row + left - 1] === from) left--;
    while (right < width - 1 && mask[row + right + 1] === from) right++;
    mask.fill(VISITED, row + left, row + right + 1);
    spans.push([row + left, row + right + 1]);
    box = joined(box, [left, py, right + 1, py + 1]);
    atBorder ||= left === 0 || right === width - 1 || py === 0 || py === height - 1;
    for (const next of [py - 1, py + 1]) {
      if (next < 0 || next >= height) continue;
      const last = Math.min(width - 1, right + corner);
      let inside = false;
      for (let at = Math.max(0, left - corner); at <= last; at++) {
        const same = mask[next * width + at] === from;
        if (same && !inside) stack.push([at, next]);
        inside = same;
      }
    }
  }
  const refused = !from && atBorder;
  for (const [start, end] of spans) mask.fill(refused ? 0 : 1 - from, start, end);
  return refused ? null : box;
}

// Pixels of a value spread over a disk of a radius.
function spread(image, radius, value) {
  const { mask, width, height } = image;
  const source = mask.slice();
  const halves = [];
  for (let dy = -radius; dy <= radius; dy++) {
    halves.push([dy, Math.floor(Math.sqrt(radius * radius - dy * dy))]);
  }
  for (let y = 0; y < height; y++) {
    const line = source.subarray(y * width, (y + 1) * width);
    let start = line.indexOf(value);
    while (start >= 0) {
      let end = line.indexOf(1 - value, start);
      if (end < 0) end = width;
      for (const [dy, half] of halves) {
        const target = (y + dy) * width;
        if (y + dy < 0 || y + dy >= height) continue;
        mask.fill(value, target + Math.max(0, start - half), target + Math.min(width, end + half));
      }
      start = line.indexOf(value, end);
    }
  }
  return [0, 0, width, height];
}

// Each pixel becomes what most pixels of the square round it are.
function smooth(image, radius) {
  const { mask, width, height } = image;
  const across = new Uint16Array(width * height);
  const rows = new Uint32Array(width);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let sum = 0;
    for (let x = -radius; x < width; x++) {
      if (x + radius < width) sum += mask[row + x + radius];
      if (x - radius > 0) sum -= mask[row + x - radius - 1];
      if (x >= 0) across[row + x] = sum;
    }
  }
  for (let y = -radius; y < height; y++) {
    if (y + radius < height) {
      for (let x = 0; x < width; x++) rows[x] += across[(y + radius) * width + x];
    }
    if (y - radius > 0) {
      for (let x = 0; x < width; x++) rows[x] -= across[(y - radius - 1) * width + x];
    }
    if (y < 0) continue;
    const tall = Math.min(height - 1, y + radius) - Math.max(0, y - radius) + 1;
    for (let x = 0; x < width; x++) {
      const wide = Math.min(width - 1, x + radius) - Math.max(0, x - radius) + 1;
      const twice = 2 * rows[x];
      if (twice !== tall * wide) mask[y * width + x] = twice > tall * wide ? 1 : 0;
    }
  }
  return [0, 0, width, height];
}

function clipped(image, [left, top, right, bottom]) {
  return [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top)),
    Math.min(image.width, Math.ceil(right)), Math.min(image.height, Math.ceil(bottom))];
}

// What differs between two masks within a box: the smallest box of it, the lengths of its runs row
// by row (equal pixels first), and by how many pixels the car grew.
function difference(image, before, within) {
  const { mask, width } = image;
  const [left, top, right, bottom] = clipped(image, within);
  let box = NOWHERE;
  let grown = 0;
  for (let y = top; y < bottom; y++) {
    let [first, last] = [-1, -1];
    for (let at = y * width + left; at < y * width + right; at++) {
      if (mask[at] === before[at]) continue;
      grown += mask[at] - before[at];
      if (first < 0) first = at - y * width;
      last = at - y * width;
    }
    if (first >= 0) box = joined(box, [first, y, last + 1, y + 1]);
  }
  if (box === NOWHERE) return null;
  const lengths = [];
  let [turned, run] = [0, 0];
  for (let y = box[1]; y < box[3]; y++) {
    for (let at = y * width + box[0]; at < y * width + box[2]; at++) {
      const now = mask[at] ^ before[at];
      if (now === turned) run++;
      else {
        lengths.push(run);
        [turned, run] = [now, 1];
      }
    }
  }
  lengths.push(run);
  return { box: [box[0], box[1], box[2] - box[0], box[3] - box[1]], lengths, grown };
}

// Visits the pixels that run lengths hold within a box, as stretches of the photo's rows.
function eachStretch(image, { box: [left, top, width], lengths }, visit) {
  let at = 0;
  lengths.forEach((length, place) => {
    const end = at + length;
    while (place % 2 && at < end) {
      const column = at % width;
      const start = (top + (at - column) / width) * image.width + left + column;
      const count = Math.min(width - column, end - at);
      visit(start, start + count);
      at += count;
    }
    at = end;
  });
}

// Turns the pixels of a difference; returns by how many pixels the car grew.
function turn(image, patch) {
  let grown = 0;
  eachStretch(image, patch, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) {
      grown += 1 - 2 * image.mask[pixel];
      image.mask[pixel] ^= 1;
    }
  });
  return grown;
}

// Run lengths as COCO packs them into text; see core/rle.py.
function pack(lengths) {
  let text = "";
  lengths.forEach((length, place) => {
    let value = place > 2 ? length - lengths[place - 2] : length;
    for (let more = true; more;) {
      const bits = value & 0x1f;
      value >>= 5;
      more = value !== (bits & 0x10 ? -1 : 0);
      text += String.fromCharCode(48 + bits + (more ? 0x20 : 0));
    }
  });
  return text;
}

function unpack(text) {
  const lengths = [];
  let [value, shift] = [0, 0];
  for (let place = 0; place < text.length; place++) {
    const bits = text.charCodeAt(place) - 48;
    value |= (bits & 0x1f) << shift;
    shift += 5;
    if (bits & 0x20) continue;
    if (bits & 0x10 && shift < 32) value -= 2 ** shift;
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
    [value, shift] = [0, 0];
  }
  return lengths;
}

function masked(width, height, text) {
  const mask = new Uint8Array(width * height);
  let at = 0;
  unpack(text).forEach((length, place) => {
    if (place % 2) mask.fill(1, at, at + length);
    at += length;
  });
  return mask;
}

// CRC-32 as zlib counts it, by which the server knows that its mask is this one.
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function checksum(mask) {
  let crc = 0xffffffff;
  for (let at = 0; at < mask.length; at++) crc = CRC_TABLE[(crc ^ mask[at]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
