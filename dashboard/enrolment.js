// Enrolling a face: photographs are sent one by one, so that each gets its own verdict in words.
// The photograph is checked and turned into a template by the aggregator; nothing of it is kept here.

import { api, employeePath, socketAddress } from './api.js';
import { camera as camera_ } from './camera-manager.js';
import { eraseProgress, reloadEmployees } from './employee-manager.js';
import { decodeFrame } from './face-recognition.js';
import { t } from './i18n.js';
import { store } from './store.js';
import { h, icon, openDialog, sentence, setIcon, setText, showError } from './utils.js';

const MAX_BYTES = 12 * 1024 * 1024;
const UPLOAD_TIMEOUT_MS = 60_000;
/** Photos that are taken one after the other, and the time between them: the head turns a little meanwhile. */
const SHOTS = 5;
const SHOT_MS = 900;
/** The WebSocket's code for "connect again". */
const TRY_AGAIN = 1013;

let stream = null;
let feed = null;
/** The latest wish for a camera. */
let asking = null;

/** The camera's light goes out, and the device sends no more faces. */
function stopWebcam() {
  asking = null;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  const socket = feed;
  feed = null;
  socket?.close();
}

/** A JPEG in base64 as a file. */
function fileOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new File([bytes], 'face.jpg', { type: 'image/jpeg' });
}

/** The picture that the camera shows now, as a file. */
async function still(video, n) {
  const canvas = h('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d').drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', 0.92); });
  return blob && new File([blob], `${n}.jpg`, { type: 'image/jpeg' });
}

/** Opens the dialog for an employee; `edit` opens the form where consent is recorded. */
export function openEnrolment(id, edit) {
  const person = () => store.employees.find((other) => other.id === id);
  const { name } = person();
  const count = h('p', { class: 'muted', role: 'status' });
  const body = h('div', { class: 'form' }, count);
  let previews = [];
  const dialog = openDialog(t('enrol.title', { name }), body, {
    onclose: () => {
      for (const url of previews) URL.revokeObjectURL(url);
      previews = [];
      stopWebcam();
    },
  });
  const recount = () => setText(count, t('enrol.count', { n: person()?.photos ?? 0 }));
  recount();

  if (!person().consent) {
    body.append(h('p', { class: 'warn-line' }, icon('lock'), t('enrol.noConsent', { name })),
      h('div', { class: 'dialog-acts' }, h('button', { class: 'button primary', type: 'button', onclick: () => {
        dialog.close();
        edit(person());
      } }, t('enrol.recordConsent'))));
    return;
  }

  const results = h('ul', { class: 'photo-results', 'aria-label': t('enrol.results'), 'aria-live': 'polite' });
  const chooser = h('input', { type: 'file', accept: 'image/jpeg,image/png', multiple: true, class: 'sr-only', id: 'photo-input' });
  const drop = h('div', { class: 'drop' }, icon('image-plus', 'icon large'), h('p', {}, t('enrol.drop')), chooser,
    h('div', { class: 'acts-row' }, h('label', { class: 'button primary', for: 'photo-input' }, icon('image-plus'), t('enrol.choose')),
      h('button', { class: 'button', type: 'button', data: { act: 'webcam' }, onclick: () => webcam() }, icon('camera'), t('enrol.webcam')),
      store.cameras.length > 0 && h('button', { class: 'button', type: 'button', data: { act: 'live' }, onclick: () => live() }, icon('video'), t('enrol.live'))),
    h('p', { class: 'hint' }, t('enrol.hint')));
  const camera = h('div', { class: 'webcam', hidden: true });
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  body.append(drop, camera, failure, results, selfTest(), eraser());

  chooser.addEventListener('change', () => {
    take([...chooser.files]);
    chooser.value = '';
  });
  for (const type of ['dragenter', 'dragover']) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
  }
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    take([...event.dataTransfer.files]);
  });
  // A photograph dropped beside the field must not replace the page.
  dialog.addEventListener('dragover', (event) => event.preventDefault());
  dialog.addEventListener('drop', (event) => event.preventDefault());

  /** The camera of this computer or phone: stand in front of it, and five photos are taken. */
  async function webcam() {
    showError(failure, null);
    stopWebcam();
    const turn = {};
    asking = turn;
    let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 }, height: { ideal: 720 } } });
    } catch {
      return showError(failure, t('enrol.webcam.denied'));
    }
    if (asking !== turn || !dialog.open) {
      // The dialog was closed, or it was asked again, before the answer came.
      for (const track of opened.getTracks()) track.stop();
      return;
    }
    stream = opened;
    const video = h('video', { autoplay: true, playsinline: true, muted: true, 'aria-label': t('enrol.webcam') });
    video.srcObject = stream;
    const shoot = h('button', { class: 'button primary', type: 'button', data: { act: 'shoot' }, onclick: async () => {
      shoot.disabled = true;
      for (let n = 1; n <= SHOTS && stream; n += 1) {
        setText(shoot, t('enrol.webcam.taking', { n, of: SHOTS }));
        const photo = await still(video, n);
        if (photo) take([photo]);
        await new Promise((resolve) => { setTimeout(resolve, SHOT_MS); });
      }
      stopWebcam();
      camera.hidden = true;
    } }, t('enrol.webcam.take', { n: SHOTS }));
    camera.replaceChildren(video, h('p', { class: 'hint' }, t('enrol.webcam.how')), h('div', { class: 'dialog-acts' },
      h('button', { class: 'button', type: 'button', onclick: () => {
        stopWebcam();
        camera.hidden = true;
      } }, t('form.cancel')), shoot));
    camera.hidden = false;
  }

  /** A camera of the site: the device sends the face of whoever stands before it, and five photos are taken. */
  function live() {
    showError(failure, null);
    stopWebcam();
    let shots = 0;
    let last = 0;
    const face = h('img', { class: 'live-face', alt: t('enrol.live.face'), hidden: true });
    const words = h('p', { class: 'hint', role: 'status' }, t('enrol.live.waiting'));
    const choice = h('select', { 'aria-label': t('cameras.choose'), onchange: () => open() },
      store.cameras.map((one) => h('option', { value: one.id, selected: one.id === store.camera }, `${camera_(one.number)} · ${one.label}`)));
    const shoot = h('button', { class: 'button primary', type: 'button', data: { act: 'shoot' }, disabled: true, onclick: () => {
      shoot.disabled = true;
      shots = SHOTS;
    } }, t('enrol.webcam.take', { n: SHOTS }));
    const end = () => {
      stopWebcam();
      camera.hidden = true;
    };
    const arrived = ({ data }) => {
      const frame = typeof data === 'string' ? null : decodeFrame(data);
      if (!frame) return;
      if (!frame.header.face) {
        face.hidden = true;
        setText(words, t(frame.header.tracks.some((track) => track.employee) ? 'enrol.live.known' : 'enrol.live.waiting'));
        return;
      }
      const photo = fileOf(frame.header.face);
      const before = face.src;
      face.src = URL.createObjectURL(photo);
      face.hidden = false;
      if (before) URL.revokeObjectURL(before);
      if (shots === 0) {
        shoot.disabled = false;
        setText(words, t('enrol.webcam.how'));
      } else if (Date.now() - last >= SHOT_MS) {
        last = Date.now();
        setText(words, t('enrol.webcam.taking', { n: SHOTS - shots + 1, of: SHOTS }));
        take([photo]);
        shots -= 1;
        if (shots === 0) end();
      }
    };
    const open = () => {
      feed?.close();
      const opened = new WebSocket(socketAddress(`/api/cameras/${encodeURIComponent(choice.value)}/live?enrol=${encodeURIComponent(id)}`));
      opened.binaryType = 'arraybuffer';
      opened.onmessage = arrived;
      opened.onclose = ({ code }) => {
        if (feed !== opened) return;
        // The face is shown for two minutes at a time.
        if (code === TRY_AGAIN && dialog.open) return open();
        setText(words, t('enrol.live.lost'));
        shoot.disabled = true;
      };
      feed = opened;
    };
    camera.replaceChildren(choice, face, words, h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: end }, t('form.cancel')), shoot));
    camera.hidden = false;
    open();
  }

  /** "Does it work?": a photo that is not enrolled is held against everybody. */
  function selfTest() {
    const chosen = h('input', { type: 'file', accept: 'image/jpeg,image/png', class: 'sr-only', id: 'test-input' });
    const verdict = h('p', { role: 'status', class: 'test-verdict' });
    chosen.addEventListener('change', async () => {
      const [file] = chosen.files;
      chosen.value = '';
      if (!file) return;
      setText(verdict, t('enrol.checking'));
      verdict.dataset.verdict = 'checking';
      const form = new FormData();
      form.append('photo', file, file.name);
      try {
        const tried = await api('POST', employeePath(id, '/test'), form, { timeout: UPLOAD_TIMEOUT_MS });
        const other = tried.nearest_other;
        const numbers = { similarity: tried.similarity?.toFixed(2) ?? '–', threshold: tried.threshold.toFixed(2), other: other?.name ?? '–', otherSimilarity: other?.similarity.toFixed(2) ?? '–' };
        const confused = !tried.recognised && other && other.similarity >= tried.threshold;
        verdict.dataset.verdict = tried.recognised ? 'ok' : 'refused';
        setText(verdict, t(tried.recognised ? 'enrol.test.yes' : confused ? 'enrol.test.other' : 'enrol.test.no', { name, ...numbers }));
      } catch (error) {
        verdict.dataset.verdict = 'refused';
        setText(verdict, sentence(error));
      }
    });
    return h('div', { class: 'eraser', id: 'self-test', hidden: !(person().photos > 0) }, h('p', {}, t('enrol.test.how')), chosen,
      h('label', { class: 'button', for: 'test-input' }, icon('scan-face'), t('enrol.test')), verdict);
  }

  let queue = Promise.resolve();

  function take(files) {
    for (const file of files) {
      const url = URL.createObjectURL(file);
      previews.push(url);
      const picture = h('img', { src: url, alt: '', width: '56', height: '56' });
      picture.addEventListener('error', () => picture.classList.add('broken'));
      const symbol = icon('hourglass');
      const verdict = h('span', {}, t('enrol.waiting'));
      const item = h('li', { class: 'photo-result', data: { verdict: 'waiting' } }, picture,
        h('div', {}, h('span', { class: 'photo-name' }, file.name), h('span', { class: 'photo-verdict' }, symbol, verdict)));
      results.prepend(item);
      const say = (state, text) => {
        item.dataset.verdict = state;
        setIcon(symbol, { checking: 'hourglass', ok: 'circle-check', alike: 'triangle-alert', refused: 'circle-x' }[state]);
        setText(verdict, text);
      };
      queue = queue.then(() => send(file, say));
    }
  }

  async function send(file, say) {
    if (file.size > MAX_BYTES) return say('refused', t('photo.too_large'));
    if (file.type && !['image/jpeg', 'image/png'].includes(file.type)) return say('refused', t('photo.type'));
    say('checking', t('enrol.checking'));
    const form = new FormData();
    form.append('photo', file, file.name);
    try {
      const { photos: [photo] } = await api('POST', employeePath(id, '/photos'), form, { timeout: UPLOAD_TIMEOUT_MS });
      const quality = t('enrol.quality', { n: Math.round(photo.quality.score * 100) });
      if (photo.alike) say('alike', t('enrol.alike', { other: photo.alike.name ?? photo.alike.employee, quality }));
      else say('ok', `${t('enrol.ok')} ${quality}`);
    } catch (error) {
      say('refused', sentence(error));
      return;
    }
    await refreshed();
  }

  /** The page's copy of the employees follows; the verdict stands even if that fails. */
  async function refreshed() {
    await reloadEmployees().catch(() => {});
    recount();
    erase.hidden = !(person()?.photos > 0);
    body.querySelector('#self-test').hidden = erase.hidden;
  }

  function eraser() {
    const box = h('div', { class: 'eraser', id: 'eraser', hidden: !(person().photos > 0) });
    const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
    const ask = () => {
      const yes = h('button', { class: 'button danger', type: 'button', onclick: async () => {
        yes.disabled = true;
        try {
          const result = await api('DELETE', employeePath(id, '/photos'));
          await refreshed();
          box.hidden = false;
          box.replaceChildren(eraseProgress(result.gallery_version));
        } catch (error) {
          yes.disabled = false;
          showError(failure, sentence(error));
        }
      } }, icon('trash-2'), t('enrol.erase.yes'));
      box.replaceChildren(h('p', {}, t('enrol.erase.sure', { n: person().photos, name })), failure,
        h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: start }, t('form.cancel')), yes));
    };
    const start = () => box.replaceChildren(h('button', { class: 'button', type: 'button', onclick: ask }, icon('trash-2'), t('enrol.erase')));
    start();
    return box;
  }
  const erase = body.querySelector('#eraser');
}
