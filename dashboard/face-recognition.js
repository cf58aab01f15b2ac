// The live picture: takes frames from the camera's WebSocket, draws each with the boxes and names that
// belong to that very frame, and says in words what it is doing when there is no picture.
//
// A frame that arrives while an older one is still being decoded replaces any other that waits: latest wins.

import { api, backoff, socketAddress } from './api.js';
import { causeText } from './device-problem.js';
import { t } from './i18n.js';
import { seesDevices, store } from './store.js';
import { clockTime, exactTime } from './time.js';
import { h, setText } from './utils.js';

/** Without a new frame for this long the picture counts as stopped. */
const STALL_MS = 4000;
/** A name stays in the list of people this long after its box was last drawn, so that it does not flicker. */
const LINGER_MS = 1500;
/** A hidden page gives the stream back after this long: the device has better uses for its uplink. */
const HIDDEN_MS = 15_000;

/** Takes a live message apart: big-endian u32 length, JSON, JPEG. Null when it is none. */
export function decodeFrame(buffer) {
  if (buffer.byteLength < 4) return null;
  const length = new DataView(buffer).getUint32(0);
  if (4 + length + 2 > buffer.byteLength) return null;
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const jpeg = new Uint8Array(buffer, 4 + length);
    if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8 || !Array.isArray(header.tracks)) return null;
    return { header, jpeg: new Blob([jpeg], { type: 'image/jpeg' }) };
  } catch {
    return null;
  }
}

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--box-${name}`).trim() || '#ffffff';

export class LiveFeed {
  #parts;
  #camera = null;
  #socket = null;
  #attempt = 0;
  #everOpened = false;
  #timer = 0;
  #shown = null;
  #waiting = null;
  #decoding = false;
  #lastFrameAt = 0;
  #people = new Map();
  #watch = 0;
  #sizes = null;
  #hiddenTimer = 0;
  #paused = false;

  /** `parts`: stage, picture (canvas), message, frameTime, people, none. */
  constructor(parts) {
    this.#parts = parts;
    this.#sizes = new ResizeObserver(() => this.#resize());
    this.#sizes.observe(parts.stage);
    this.#watch = setInterval(() => this.#tick(), 500);
    document.addEventListener('visibilitychange', this.#seen);
  }

  #seen = () => {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) this.#hiddenTimer = setTimeout(() => this.#hangUp(), HIDDEN_MS);
    else if (this.#camera && !this.#socket && !this.#paused) this.#connect();
  };

  /** Nothing of it is left; it shows nothing again. */
  destroy() {
    this.pause();
    this.#camera = null;
    clearInterval(this.#watch);
    clearTimeout(this.#hiddenTimer);
    this.#sizes.disconnect();
    document.removeEventListener('visibilitychange', this.#seen);
  }

  get camera() {
    return this.#camera;
  }

  /** Frames per second as the device counted them on the newest frame; null without a fresh picture. */
  get fps() {
    return this.#shown && Date.now() - this.#lastFrameAt < STALL_MS ? this.#shown.header.fps : null;
  }

  /** Shows a camera; closes the stream before. */
  open(camera) {
    if (camera !== null && camera === this.#camera && !this.#paused) return;
    this.#hangUp();
    this.#paused = false;
    this.#camera = camera;
    this.#attempt = 0;
    this.#everOpened = false;
    this.#clear();
    this.#parts.stage.dataset.state = 'new';
    this.#parts.stage.dataset.camera = camera ?? '';
    this.#parts.stage.dataset.frames = '0';
    this.#parts.stage.dataset.strangers = '0';
    if (camera === null) {
      this.#state(store.loaded.has('cameras') ? 'none' : 'connecting');
      return;
    }
    this.#state(store.cameras.find((known) => known.id === camera)?.state === 'offline' ? 'offline' : 'connecting');
    this.#connect();
  }

  /** Gives the stream back while the live page is not shown. */
  pause() {
    this.#paused = true;
    this.#hangUp();
    this.#clear();
  }

  /** Tries again at once, if a stream is wanted and none is there. */
  retryNow() {
    if (this.#camera === null || this.#paused || this.#socket || document.hidden) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** Draws again: the language, the tracked person or somebody's state changed. */
  refresh() {
    this.#draw();
    this.#describe();
  }

  #hangUp() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#waiting = null;
    socket?.close();
  }

  #connect() {
    clearTimeout(this.#timer);
    const known = store.cameras.find((camera) => camera.id === this.#camera);
    if (known?.state === 'disabled' || known?.mode === 'off') {
      this.#state('disabled');
      this.#timer = setTimeout(() => this.#connect(), 3000);
      return;
    }
    this.#connecting();
    const socket = new WebSocket(socketAddress(`/api/cameras/${encodeURIComponent(this.#camera)}/live`));
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      if (socket === this.#socket) this.#everOpened = true;
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (typeof data === 'string') this.#told(data);
      else this.#arrived(data);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#retry();
    };
  }

  /** A camera known to be down stays "offline" on the stage while it is tried again and again. */
  #connecting() {
    const known = store.cameras.find((camera) => camera.id === this.#camera);
    const down = known?.state === 'offline' || ['forbidden', 'gone'].includes(this.#parts.stage.dataset.state);
    if (!this.#shown && !down) this.#state('connecting');
  }

  async #retry() {
    const camera = this.#camera;
    if (!this.#everOpened && this.#attempt === 0) await this.#askWhy(camera);
    if (camera !== this.#camera || this.#socket || this.#paused) return;
    this.#timer = setTimeout(() => {
      if (camera === this.#camera && !this.#socket && !document.hidden) this.#connect();
    }, backoff(this.#attempt));
    this.#attempt += 1;
  }

  /** A refused WebSocket does not say why; the same address asked plainly does. */
  async #askWhy(camera) {
    try {
      await api('GET', `/api/cameras/${encodeURIComponent(camera)}/live`);
    } catch (error) {
      if (camera !== this.#camera) return;
      if (error.status === 403) this.#state('forbidden');
      else if (error.status === 404) this.#state('gone');
    }
  }

  #told(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.state === 'connecting') {
      this.#connecting();
    } else if (message.state === 'stalled') {
      this.#state('stalled');
    } else if (['offline', 'forbidden', 'disabled'].includes(message.state)) {
      this.#clear();
      this.#state(message.state);
    }
  }

  #arrived(buffer) {
    const frame = decodeFrame(buffer);
    if (!frame || frame.header.camera !== this.#camera) return;
    this.#attempt = 0;
    this.#waiting = frame;
    if (!this.#decoding) this.#decode();
  }

  async #decode() {
    this.#decoding = true;
    while (this.#waiting) {
      const frame = this.#waiting;
      this.#waiting = null;
      let bitmap;
      try {
        bitmap = await createImageBitmap(frame.jpeg);
      } catch {
        // A picture cut short: the next one comes.
        continue;
      }
      if (frame.header.camera !== this.#camera || !this.#socket) {
        bitmap.close();
        continue;
      }
      this.#shown?.bitmap.close();
      this.#shown = { header: frame.header, bitmap };
      this.#lastFrameAt = Date.now();
      this.#state('live');
      this.#draw();
      this.#note(frame.header);
    }
    this.#decoding = false;
  }

  #clear() {
    this.#shown?.bitmap.close();
    this.#shown = null;
    this.#waiting = null;
    this.#people.clear();
    this.#listPeople();
    this.#parts.frameTime.hidden = true;
    const { picture } = this.#parts;
    picture.getContext('2d').clearRect(0, 0, picture.width, picture.height);
  }

  #tick() {
    const { stage } = this.#parts;
    if (this.#camera && !this.#paused) {
      const silent = Date.now() - this.#lastFrameAt;
      if (this.#shown && silent > STALL_MS && stage.dataset.state === 'live') this.#state('stalled');
      const known = store.cameras.find((camera) => camera.id === this.#camera);
      const down = known?.state === 'offline' && silent > STALL_MS;
      if (down && !['offline', 'forbidden', 'gone'].includes(stage.dataset.state)) {
        this.#clear();
        this.#state('offline');
      } else if (!down && stage.dataset.state === 'offline' && known?.state === 'streaming') {
        this.#state('connecting');
      }
    }
    const before = this.#people.size;
    for (const [id, person] of this.#people) {
      if (Date.now() - person.at > LINGER_MS) this.#people.delete(id);
    }
    if (this.#people.size !== before) this.#listPeople();
  }

  #state(state) {
    if (this.#parts.stage.dataset.state === state) return;
    this.#parts.stage.dataset.state = state;
    this.#describe();
  }

  /** The words on the stage. */
  #describe() {
    const { stage, message, picture } = this.#parts;
    const state = stage.dataset.state;
    const known = store.cameras.find((camera) => camera.id === this.#camera);
    picture.setAttribute('aria-label', t('live.picture', { camera: known?.label ?? '' }));
    message.hidden = state === 'live';
    if (state === 'live') return;
    let how = '';
    if (state === 'stalled' && this.#shown) {
      how = t('live.stalled.how', { time: clockTime(Date.parse(this.#shown.header.at)) });
    } else if (['none', 'offline', 'disabled', 'forbidden', 'gone'].includes(state)) {
      how = t(`live.${state}.how`);
    }
    // For those who can mend it.
    const problem = seesDevices() && ['stalled', 'offline'].includes(state) && known ? causeText(known) : '';
    const said = [t(`live.${state}`), how, problem];
    // What is said again is read out again.
    if (message.dataset.said === JSON.stringify(said)) return;
    message.dataset.said = JSON.stringify(said);
    message.replaceChildren(h('strong', {}, said[0]), how && h('span', {}, how),
      problem && h('span', { class: 'problem' }, problem));
  }

  /** Writes down what is on the picture for the list, for tests and for screen readers. */
  #note(header) {
    const { stage, frameTime } = this.#parts;
    stage.dataset.frameAt = header.at;
    stage.dataset.frames = String(Number(stage.dataset.frames) + 1);
    stage.dataset.tracks = String(header.tracks.length);
    stage.dataset.strangers = String(header.tracks.filter((track) => !track.employee).length);
    const at = Date.parse(header.at);
    frameTime.hidden = false;
    frameTime.dateTime = header.at;
    frameTime.title = `${t('live.frameTime')}: ${exactTime(at)}`;
    setText(frameTime, clockTime(at));
    let changed = false;
    for (const { employee, name } of header.tracks) {
      if (!employee || !name) continue;
      changed ||= this.#people.get(employee)?.name !== name;
      this.#people.set(employee, { name, at: Date.now() });
    }
    if (changed) this.#listPeople();
  }

  #listPeople() {
    const { people, none } = this.#parts;
    const wanted = [...this.#people].sort(([, a], [, b]) => a.name.localeCompare(b.name));
    for (const item of [...people.children]) {
      if (!this.#people.has(item.dataset.employee)) item.remove();
    }
    wanted.forEach(([id, { name }], index) => {
      const at = people.children[index];
      if (at?.dataset.employee === id) setText(at, name);
      else {
        people.querySelector(`[data-employee="${CSS.escape(id)}"]`)?.remove();
        people.insertBefore(h('li', { data: { employee: id } }, name), people.children[index] ?? null);
      }
    });
    setText(none, wanted.length === 0 ? t('live.people.none') : '');
  }

  #resize() {
    const { stage, picture } = this.#parts;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(stage.clientWidth * ratio);
    const height = Math.round(stage.clientHeight * ratio);
    if (picture.width === width && picture.height === height) return;
    picture.width = width;
    picture.height = height;
    this.#draw();
  }

  #draw() {
    if (!this.#shown) return;
    const { picture } = this.#parts;
    const { header, bitmap } = this.#shown;
    const ratio = devicePixelRatio || 1;
    const view = { width: picture.width / ratio, height: picture.height / ratio };
    const context = picture.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    const scale = Math.min(view.width / bitmap.width, view.height / bitmap.height);
    const shown = {
      width: bitmap.width * scale,
      height: bitmap.height * scale,
      x: (view.width - bitmap.width * scale) / 2,
      y: (view.height - bitmap.height * scale) / 2,
    };
    context.drawImage(bitmap, shown.x, shown.y, shown.width, shown.height);
    // The boxes refer to the device's frame, which the picture may be a smaller copy of.
    const unit = { x: shown.width / header.width, y: shown.height / header.height };
    const rank = (track) => (track.employee === null || track.employee === undefined ? 0 : track.employee === store.tracked ? 2 : 1);
    for (const track of [...header.tracks].sort((a, b) => rank(a) - rank(b))) {
      const [x, y, width, height] = track.box;
      drawTrack(context, track, shown,
        { x: shown.x + x * unit.x, y: shown.y + y * unit.y, width: width * unit.x, height: height * unit.y });
    }
  }
}

function drawTrack(context, track, shown, box) {
  const tracked = track.employee && track.employee === store.tracked;
  const state = track.employee ? (store.status.get(track.employee)?.state ?? 'available') : 'unknown';
  const paint = colour(tracked ? 'tracked' : state);
  context.lineJoin = 'round';
  // A dark line under the coloured one keeps it visible on a bright picture.
  context.strokeStyle = 'rgb(0 0 0 / 55%)';
  context.lineWidth = tracked ? 5 : 3;
  context.strokeRect(box.x, box.y, box.width, box.height);
  // Around a body whose face is not seen the line is broken.
  context.setLineDash(track.basis === 'body' ? [8, 5] : []);
  context.strokeStyle = paint;
  context.lineWidth = tracked ? 3 : 1.5;
  context.strokeRect(box.x, box.y, box.width, box.height);
  context.setLineDash([]);
  if (!track.name) return;

  context.font = `600 13px ${style.getPropertyValue('--font')}`;
  context.textBaseline = 'middle';
  const padding = 6;
  const height = 20;
  const width = Math.min(context.measureText(track.name).width + 2 * padding, shown.width);
  const x = Math.max(shown.x, Math.min(box.x - 1, shown.x + shown.width - width));
  const above = box.y - height - 2;
  const y = above >= shown.y ? above : Math.min(box.y + box.height + 2, shown.y + shown.height - height);
  context.fillStyle = paint;
  context.beginPath();
  context.roundRect(x, y, width, height, 3);
  context.fill();
  context.fillStyle = colour('ink');
  context.fillText(track.name, x + padding, y + height / 2 + 0.5, width - 2 * padding);
}
