// From what the graph gives to an answer, as the target fields of Headway's Python decode it.

/**
 * @param {{data: Float32Array, dims: number[]}} outputs Of one picture.
 * @param {{task: string, labels: string[], fields: {target: Object}}} model
 * @param {{width: number, height: number, left: number, top: number, right: number, bottom: number}} frame What part of
 *   the picture the model saw.
 * @returns {{label: string, score: ?number, probabilities: Object<string, number>, value: *}}
 */
export function decoded(outputs, model, frame) {
  return DECODED[model.task](outputs, model, frame);
}

const DECODED = {
  classification: ({ data }, { labels }) => {
    const [order, probabilities] = ranked([...data], labels);
    return { label: labels[order[0]], score: data[order[0]], probabilities };
  },
  multilabel: ({ data }, { labels, fields: { target } }) => {
    const [order, probabilities] = ranked([...data], labels);
    const limits = target.thresholds.length ? target.thresholds : labels.map(() => 0.5);
    const value = order.filter((place) => data[place] >= limits[place]).map((place) => labels[place]);
    return { label: value.join(target.sep), score: null, probabilities, value };
  },
  regression: ({ data }) => ({ label: String(Number(data[0].toPrecision(4))), score: null, probabilities: {}, value: data[0] }),
  points: ({ data }, _, frame) => {
    const value = [];
    for (let at = 0; at < data.length; at += 2) value.push(located(data[at], data[at + 1], frame));
    return { label: value.flat().map((each) => each.toFixed(1)).join(" "), score: null, probabilities: {}, value };
  },
  segmentation: ({ data, dims }, { labels }) => {
    const [count, height, width] = dims.slice(-3);
    const size = height * width;
    const value = { height, width, data: new Uint8Array(size) };
    const shares = new Array(count).fill(0);
    let sure = 0;
    for (let pixel = 0; pixel < size; pixel += 1) {
      let best = 0;
      for (let each = 1; each < count; each += 1) if (data[each * size + pixel] > data[best * size + pixel]) best = each;
      value.data[pixel] = best;
      shares[best] += 1 / size;
      sure += data[best * size + pixel] / size;
    }
    const [order, probabilities] = ranked(shares, labels);
    return { label: labels[order[0]], score: sure, probabilities, value };
  },
};

/**
 * A mask as a picture that is transparent where the model saw nothing.
 * @returns {Promise<Blob>}
 */
export async function drawn({ width, height, data }, frame, { labels, colours }) {
  const small = new OffscreenCanvas(width, height);
  const pixels = new ImageData(width, height);
  data.forEach((place, at) => pixels.data.set([...colours[labels[place]], 255], 4 * at));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const large = new OffscreenCanvas(frame.width, frame.height);
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  return large.convertToBlob({ type: "image/png" });
}

// The places of the labels from the most probable on, and the probabilities in that order.
function ranked(scores, labels) {
  const order = scores.map((_, place) => place).sort((one, other) => scores[other] - scores[one]);
  return [order, Object.fromEntries(order.map((place) => [labels[place], scores[place]]))];
}

// From -1 to 1 in what the model saw to the picture's pixels.
function located(x, y, { left, top, right, bottom }) {
  return [left + ((x + 1) / 2) * (right - left), top + ((y + 1) / 2) * (bottom - top)];
}
