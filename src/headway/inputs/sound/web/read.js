// A recording to windows of samples, as Headway's Python reads it; but resampled by the browser, in its own way.

const FRAME_SECONDS = 0.01;

/**
 * Reads a recording in any format that the browser plays.
 * @param {Blob} file
 * @param {{facts: Object<string, number>}} field The bundle's input field; `facts` are the limits that Python has.
 * @returns {Promise<{type: string, data: Float32Array, dims: number[], notes: string[]}>}
 * @throws {Error} whose message is for a person.
 */
export async function look(file, { facts }) {
  const { rate, length } = facts;
  const samples = await decoded(file, rate);
  const isWhole = samples.length <= facts.whole_seconds * rate;
  const sound = isWhole ? trimmed(samples, rate, facts.quiet) : samples;
  const missing = length - sound.length;
  // Neighbours overlap by half, up to the number of windows that are read at most.
  const overlapping = isWhole ? 1 + Math.ceil((2 * -missing) / length) : facts.windows;
  const count = missing >= 0 ? 1 : Math.min(overlapping, facts.windows);
  const data = new Float32Array(count * length);
  if (missing >= 0) data.set(sound, Math.floor(missing / 2));
  for (let window = 0; missing < 0 && window < count; window += 1) {
    const start = window < count - 1 ? Math.trunc(window * (-missing / (count - 1))) : -missing;
    data.set(sound.subarray(start, start + length), window * length);
  }
  return { type: "float32", data, dims: [1, count, length], notes: notesOf(data, facts) };
}

// One channel at the model's rate, from -1 to 1.
async function decoded(file, rate) {
  const context = new OfflineAudioContext(1, 1, rate);
  const audio = await context.decodeAudioData(await file.arrayBuffer()).catch(() => null);
  if (!audio?.length) throw new Error("It is not a recording that this browser plays, or it is damaged.");
  const samples = new Float32Array(audio.length);
  for (let channel = 0; channel < audio.numberOfChannels; channel += 1) {
    audio.getChannelData(channel).forEach((sample, at) => {
      samples[at] += Number.isFinite(sample) ? sample / audio.numberOfChannels : 0;
    });
  }
  return samples.map((sample) => Math.min(Math.max(sample, -1), 1));
}

// What is wrong with a recording, although it can be read.
function notesOf(samples, { silent, full, clipped }) {
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (loudest < silent) return ["the recording is silent"];
  const count = samples.reduce((sum, sample) => sum + (Math.abs(sample) >= full ? 1 : 0), 0);
  return count / samples.length > clipped ? ["the recording is clipped: it was louder than the recorder could take"] : [];
}

// The recording without what is quiet at its ends.
function trimmed(samples, rate, quiet) {
  const frame = Math.max(Math.round(rate * FRAME_SECONDS), 1);
  const loudness = Array.from({ length: Math.ceil(samples.length / frame) }, (_, at) =>
    Math.sqrt(samples.subarray(at * frame, (at + 1) * frame).reduce((sum, sample) => sum + sample ** 2, 0) / frame));
  const limit = quiet * loudness.reduce((most, level) => Math.max(most, level), 0);
  const first = loudness.findIndex((level) => level > limit);
  if (first < 0) return samples.subarray(0, frame);
  return samples.subarray(first * frame, (loudness.findLastIndex((level) => level > limit) + 1) * frame);
}
