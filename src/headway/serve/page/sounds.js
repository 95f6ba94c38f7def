// Recordings: taken with the microphone as WAV, heard again, and shown as waveform and spectrogram.

import { model, notice } from "./cards.js";
import { takeFiles } from "./pictures.js";
import { find, made } from "./words.js";

const MAX_SECONDS = 60;
const RATE = 16000;
const COLUMNS = 208;
const BINS = 64;
const WAVE_HEIGHT = 48;

let recorder = null;

/** For a model of recordings: a button for the microphone. */
export function openRecorder() {
  if (model.nouns !== "recordings" || !navigator.mediaDevices?.getUserMedia) return;
  find("record").hidden = false;
  find("record").addEventListener("click", () => (recorder ? stop() : start()));
}

async function start() {
  find("record").disabled = true;
  try {
    // As it is heard: what a browser does for calls would change it.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext();
    await context.audioWorklet.addModule("microphone.js");
    const node = new AudioWorkletNode(context, "microphone");
    const chunks = [];
    node.port.addEventListener("message", ({ data }) => {
      chunks.push(data);
      if (chunks.length * data.length > MAX_SECONDS * context.sampleRate) stop();
    });
    node.port.start();
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    recorder = { stream, context, chunks };
    notice("");
    find("record").textContent = "Stop";
  } catch {
    notice("The microphone cannot be used: there is none, or the browser was told not to allow it.");
  }
  find("record").disabled = false;
}

function stop() {
  if (!recorder) return;
  const { stream, context, chunks } = recorder;
  recorder = null;
  find("record").textContent = "Record";
  stream.getTracks().forEach((track) => track.stop());
  context.close();
  if (chunks.length) takeFiles([new File([wav(chunks, context.sampleRate)], "recording.wav", { type: "audio/wav" })]);
  else notice("The microphone gave no sound.");
}

/** Samples from -1 to 1 as the bytes of a WAV file of 16 bits and one channel. */
function wav(chunks, rate) {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, index) => bytes.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  // Plain samples, one channel.
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * length, true);
  let at = 44;
  for (const chunk of chunks) {
    for (const sample of chunk) {
      bytes.setInt16(at, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
      at += 2;
    }
  }
  return bytes.buffer;
}

/** In place of a picture: a recording to hear, its waveform, and below it its spectrogram. */
export async function showSound(place, name, file) {
  const player = made("audio", { controls: true, src: URL.createObjectURL(file) });
  player.setAttribute("aria-label", `The recording ${name}`);
  const canvas = made("canvas", { width: COLUMNS, height: WAVE_HEIGHT + BINS });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Waveform and spectrogram of ${name}`);
  place.querySelector("img").hidden = true;
  place.append(canvas, player);
  try {
    const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
    draw(canvas.getContext("2d"), decoded.getChannelData(0));
  } catch {
    canvas.replaceWith(made("span", { className: "blank", textContent: "no preview" }));
  }
}

function draw(context, samples) {
  const step = samples.length / COLUMNS;
  context.fillStyle = getComputedStyle(context.canvas).color;
  const columns = [];
  for (let column = 0; column < COLUMNS; column += 1) {
    const part = samples.subarray(Math.floor(column * step), Math.max(Math.ceil((column + 1) * step), 1));
    const loudest = part.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    const height = Math.max(1, loudest * WAVE_HEIGHT);
    context.fillRect(column, (WAVE_HEIGHT - height) / 2, 1, height);
    columns.push(powers(samples, Math.floor(column * step)));
  }
  const loudest = Math.max(...columns.flat(), 1e-12);
  columns.forEach((bins, column) => bins.forEach((power, bin) => {
    // 60 dB from nothing to full ink.
    context.globalAlpha = Math.max(0, 1 + Math.log10(power / loudest + 1e-12) / 6);
    context.fillRect(column, WAVE_HEIGHT + BINS - 1 - bin, 1, 1);
  }));
}

// A frame of 256 samples holds frequencies up to 8 kHz in 128 bins; two and two are one line.
function powers(samples, from) {
  const length = 4 * BINS;
  const found = [];
  for (let bin = 0; bin < BINS; bin += 1) {
    let cosines = 0;
    let sines = 0;
    for (let at = 0; at < length; at += 1) {
      const sample = (samples[from + at] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / length));
      const angle = (2 * Math.PI * (2 * bin + 0.5) * at) / length;
      cosines += sample * Math.cos(angle);
      sines += sample * Math.sin(angle);
    }
    found.push(cosines * cosines + sines * sines);
  }
  return found;
}
