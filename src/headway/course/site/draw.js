// A digit to draw, and what the three models of lesson 6 answer: their numbers are in the page, the sums are done here.
"use strict";

const SIDE = 28;

// What each model says of 784 pixels from 0 to 1: how probable a seven is; the mean pictures know only yes or no.
function threeOrSeven(pixels, { means, line, network }) {
  const sigmoid = (raw) => 1 / (1 + Math.exp(-raw));
  const sum = (weights, inputs) => inputs.reduce((total, input, k) => total + input * weights[k], 0);
  const [toThree, toSeven] = means.map((mean) => pixels.reduce((total, pixel, k) => total + Math.abs(pixel - mean[k]), 0));
  const [weights, biases, lastWeights, lastBias] = network;
  const bent = biases.map((bias, unit) => {
    let total = bias;
    for (let pixel = 0; pixel < pixels.length; pixel += 1) total += pixels[pixel] * weights[pixel * biases.length + unit];
    return Math.max(total, 0);
  });
  return {
    means: toSeven < toThree ? 1 : 0,
    line: sigmoid(sum(line[0], pixels) + line[1][0]),
    network: sigmoid(sum(lastWeights, bent) + lastBias[0]),
  };
}

function drawing(box, numbers) {
  const canvas = box.querySelector("canvas");
  const context = canvas.getContext("2d");
  const said = box.querySelector("output");
  const cell = canvas.width / SIDE;
  let pixels = new Array(SIDE * SIDE).fill(0);
  let last = null;
  let [column, row] = [SIDE / 2, SIDE / 2];

  function show() {
    pixels.forEach((pixel, k) => {
      context.fillStyle = `rgb(${255 * pixel} ${255 * pixel} ${255 * pixel})`;
      context.fillRect((k % SIDE) * cell, Math.floor(k / SIDE) * cell, cell, cell);
    });
    if (document.activeElement === canvas) {
      context.strokeStyle = "#8ab8ff";
      context.strokeRect(column * cell, row * cell, cell, cell);
    }
    if (!pixels.some((pixel) => pixel > 0)) return said.replaceChildren("Nothing is drawn yet.");
    const { means, line, network } = threeOrSeven(pixels, numbers);
    const sure = (seven) => `${seven > 0.5 ? "seven" : "three"}, ${(100 * Math.max(seven, 1 - seven)).toFixed(1)} %`;
    const answers = [`Mean pictures: ${means ? "seven" : "three"}`, `Line: ${sure(line)}`, `Network: ${sure(network)}`];
    said.replaceChildren(...answers.map((text) => make("span", {}, text)));
  }

  // A pen about as thick as that of the digits: full in its middle, fainter around it.
  function ink(x, y) {
    for (let k = 0; k < pixels.length; k += 1) {
      const distance = Math.hypot((k % SIDE) + 0.5 - x, Math.floor(k / SIDE) + 0.5 - y);
      pixels[k] = Math.max(pixels[k], Math.min(1, Math.max(0, 1.9 - distance)));
    }
  }

  function stroke(event) {
    const bounds = canvas.getBoundingClientRect();
    const now = [event.clientX - bounds.left, event.clientY - bounds.top].map((pixel) => (SIDE * pixel) / bounds.width);
    const from = last ?? now;
    for (let step = 0; step <= 8; step += 1) ink(...now.map((end, axis) => from[axis] + ((end - from[axis]) * step) / 8));
    last = now;
    show();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => last && stroke(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  for (const change of ["focus", "blur"]) canvas.addEventListener(change, show);
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const within = (number) => Math.min(SIDE - 1, Math.max(0, number));
    if (step) [column, row] = [within(column + step[0]), within(row + step[1])];
    if (!step || event.shiftKey) ink(column + 0.5, row + 0.5);
    show();
  });
  const shown = [new Array(SIDE * SIDE).fill(0), ...numbers.pictures];
  box.querySelectorAll("button").forEach((button, number) => {
    button.addEventListener("click", () => {
      pixels = [...shown[number]];
      show();
    });
  });
  box.hidden = false;
  show();
}

if (typeof document !== "undefined") {
  const box = document.querySelector("[data-draw]");
  if (box) drawing(box, window.three_or_seven);
}
if (typeof module !== "undefined") module.exports = { threeOrSeven };
