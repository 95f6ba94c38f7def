// Files: chosen, dropped, pasted; pictures are taken with the camera, too.

import { model, notice, take } from "./cards.js";
import { find, made } from "./words.js";

let stream = null;

/** Listens to all ways in which pictures come. */
export function openPictures() {
  find("choose").addEventListener("click", () => find("files").click());
  find("photograph").addEventListener("click", photograph);
  for (const id of ["files", "capture"]) {
    find(id).addEventListener("change", (event) => {
      takeFiles([...event.target.files]);
      event.target.value = "";
    });
  }
  find("shoot").addEventListener("click", shoot);
  find("cancel").addEventListener("click", () => find("camera").close());
  find("camera").addEventListener("close", stopCamera);
  const unlessForm = (act) => (event) => {
    if (!model.columns) act(event);
  };
  document.addEventListener("paste", unlessForm((event) => {
    const files = [...event.clipboardData.files];
    if (files.length) event.preventDefault();
    takeFiles(files, `There is no ${model.noun ?? "file"} in the clipboard.`);
  }));
  document.addEventListener("dragover", unlessForm((event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  }));
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", unlessForm((event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    takeFiles([...event.dataTransfer.files], "What was dropped is not a file. Save it first, then drop the file.");
  }));
}

/** For a model of other files than pictures: names them, and hides the camera. */
export function describeFiles() {
  if (model.nouns === "pictures") return;
  find("choose").textContent = `Choose ${model.nouns}`;
  find("photograph").hidden = true;
  find("files").accept = model.media_types?.join() ?? "";
  for (const id of ["drop-title", "files-hint", "veil"]) {
    find(id).textContent = find(id).textContent.replace("pictures", model.nouns).replace("paste one", "paste them");
  }
}

/** Asks about files; `otherwise` is said where there are none. */
export function takeFiles(files, otherwise = "") {
  notice(files.length ? "" : otherwise);
  take(files.map((file) => ({ name: file.name, item: file })));
}

async function photograph() {
  const camera = navigator.mediaDevices?.getUserMedia;
  // A phone has a camera program of its own, which is better.
  if (!camera || matchMedia("(pointer: coarse)").matches) {
    find("capture").click();
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    notice("The camera cannot be used: there is none, or the browser was told not to allow it.");
    return;
  }
  notice("");
  find("video").srcObject = stream;
  find("camera").showModal();
  await find("video").play();
}

function shoot() {
  const video = find("video");
  const canvas = made("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    find("camera").close();
    if (blob) takeFiles([new File([blob], "photo.jpg", { type: "image/jpeg" })]);
    else notice("The camera gave no picture.");
  }, "image/jpeg", 0.92);
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  find("video").srcObject = null;
}
