// The live panel's frame: which camera is shown, its buttons, the AI indicator, and following a tracked person.

import { post } from './api.js';
import { hideGrid, showGrid } from './camera-grid.js';
import { LiveFeed } from './face-recognition.js';
import { t } from './i18n.js';
import { cameraById, changesEmployees, emit, on, store } from './store.js';
import { ago, exactTime, shortTime } from './time.js';
import { byId, h, icon, oncePerFrame, openDialog, sentence, setIcon, setText, throttle } from './utils.js';

/** After a switch the picture stays at least this long, where two cameras see a tracked person in turn. */
const FOLLOW_PAUSE_MS = 4000;

let feed = null;
let visible = false;
let grid = false;
let switchedAt = 0;

/** "CAM 3". */
export const camera = (number) => t('cameras.camera', { n: number });

/** "CAM 3", or nothing for a camera that is not known any more. */
export function cameraName(id) {
  const known = cameraById(id);
  return known ? camera(known.number) : (id ?? '');
}

/** Shows a camera on the live panel, by the reader's own choice: tracking ends. */
export function chooseCamera(id) {
  setGrid(false);
  if (store.tracked && store.status.get(store.tracked)?.camera !== id) stopTracking();
  show(id);
}

/** Switches the live panel to where an employee is or was last, and marks them. */
export function track(employee) {
  const row = store.status.get(employee);
  if (!row?.camera) return;
  setGrid(false);
  store.tracked = employee;
  show(row.camera);
  emit('tracked');
}

export function stopTracking() {
  store.tracked = null;
  emit('tracked');
}

function show(id) {
  switchedAt = Date.now();
  store.camera = id;
  try {
    if (id !== null) localStorage.setItem('hadir.camera', id);
  } catch {
    // Storage is blocked: the first camera is shown next time.
  }
  if (visible && !grid) feed.open(id);
  emit('camera');
}

/** The live page is shown or left. */
export function setLiveVisible(shown) {
  visible = shown;
  if (!shown) setGrid(false);
  if (shown && !grid) feed.open(store.camera);
  else if (!shown) feed.pause();
}

/** Several cameras side by side, or one. */
function setGrid(on_) {
  if (grid === on_) return;
  grid = on_;
  byId('grid-button').setAttribute('aria-pressed', String(grid));
  byId('view-live').classList.toggle('with-grid', grid);
  if (grid) {
    feed.pause();
    showGrid(byId('camera-grid'), chooseCamera);
  } else {
    hideGrid();
    if (visible) feed.open(store.camera);
  }
}

/** The picture as it stands, with its boxes, as a file. That somebody took it is recorded first. */
async function snapshot() {
  const entry = cameraById(store.camera);
  if (!entry || byId('stage').dataset.state !== 'live') return;
  const button = byId('snapshot');
  button.disabled = true;
  try {
    // First the picture: tracking may switch to another camera meanwhile.
    const name = `${entry.id}-${byId('stage').dataset.frameAt.replaceAll(/[:.]/g, '-')}.png`;
    const blob = await new Promise((resolve) => { byId('picture').toBlob(resolve, 'image/png'); });
    await post(`/api/cameras/${encodeURIComponent(entry.id)}/snapshot`);
    const url = URL.createObjectURL(blob);
    h('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (error) {
    openDialog(t('live.snapshot'), h('p', { class: 'error-line', role: 'alert' }, sentence(error)));
  }
  button.disabled = false;
}

function keepSelection() {
  if (!store.loaded.has('cameras') || (store.camera !== null && cameraById(store.camera))) return;
  let remembered = null;
  try {
    remembered = localStorage.getItem('hadir.camera');
  } catch {
    // Storage is blocked.
  }
  const next = cameraById(remembered) ?? store.cameras[0] ?? null;
  show(next?.id ?? null);
}

/** Follows the tracked person to the camera that sees them now. */
function follow() {
  if (store.tracked === null) return;
  const row = store.status.get(store.tracked);
  if (!row) stopTracking();
  else if (row.camera && row.camera !== store.camera && Date.now() - switchedAt > FOLLOW_PAUSE_MS) show(row.camera);
}

function renderButtons() {
  const box = byId('camera-buttons');
  const kept = new Map([...box.children].map((button) => [button.dataset.camera, button]));
  store.cameras.forEach((entry, index) => {
    let button = kept.get(entry.id);
    kept.delete(entry.id);
    if (!button) {
      button = h('button', { class: 'camera-button', type: 'button', data: { camera: entry.id },
        onclick: () => chooseCamera(entry.id) },
      h('span', { class: 'camera-number figures' }), h('span', { class: 'camera-label' }), h('span', { class: 'camera-state' }));
    }
    if (box.children[index] !== button) box.insertBefore(button, box.children[index] ?? null);
    const pressed = entry.id === store.camera;
    const [number, label, state] = button.children;
    setText(number, String(entry.number));
    setText(label, entry.label);
    const trouble = entry.state !== 'streaming';
    state.hidden = !trouble;
    setText(state, trouble ? t(`camera.${entry.state}`) : '');
    button.dataset.state = entry.state;
    button.setAttribute('aria-pressed', String(pressed));
    button.title = `${camera(entry.number)} · ${entry.label} · ${t(`camera.${entry.state}`)}`;
  });
  for (const gone of kept.values()) gone.remove();
  box.hidden = store.cameras.length === 0;
}

function renderHead() {
  const shown = cameraById(store.camera);
  setText(byId('feed-title'), shown ? `${camera(shown.number)} · ${shown.label}` : t(store.loaded.has('cameras') ? 'live.none' : 'nav.live'));
  const box = byId('inference');
  box.hidden = !shown;
  if (!shown) return;
  if (box.childElementCount === 0) {
    box.append(h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span'), h('span', { class: 'fps figures' }));
  }
  const active = shown.inference === 'active';
  box.dataset.inference = shown.inference;
  setText(box.children[1], t(active ? 'live.inference.active' : 'live.inference.offline'));
  const fps = feed.fps ?? shown.fps;
  setText(box.children[2], active ? t('live.fps', { n: fps.toFixed(1) }) : '');
}

function renderTracked() {
  const box = byId('tracked');
  const row = store.status.get(store.tracked);
  box.hidden = !row?.camera;
  if (box.hidden) return;
  if (box.childElementCount === 0) {
    box.append(icon('locate-fixed'), h('span'), h('button', { class: 'icon-button', type: 'button',
      onclick: stopTracking }, icon('x')));
  }
  const where = `${cameraName(row.camera)} · ${cameraById(row.camera)?.label ?? row.camera_label ?? ''}`;
  const at = Date.parse(row.last_seen);
  setText(box.children[1], row.state === 'available'
    ? t('tracked.now', { name: row.name, camera: where })
    : t('tracked.was', { name: row.name, camera: where, time: shortTime(at), ago: ago(at) }));
  box.children[1].title = exactTime(at);
  box.children[2].setAttribute('aria-label', t('tracked.stop'));
  box.children[2].title = t('tracked.stop');
}

function renderFullscreen() {
  const button = byId('fullscreen');
  const full = document.fullscreenElement === byId('stage');
  const label = t(full ? 'live.fullscreen.end' : 'live.fullscreen');
  button.setAttribute('aria-label', label);
  button.title = label;
  setIcon(button.firstElementChild, full ? 'minimize' : 'maximize');
  byId('snapshot').setAttribute('aria-label', t('live.snapshot'));
  byId('snapshot').title = t('live.snapshot');
}

export function startCameras() {
  feed = new LiveFeed({ stage: byId('stage'), picture: byId('picture'), message: byId('stage-message'),
    frameTime: byId('frame-time'), people: byId('people'), none: byId('people-none') });
  const render = oncePerFrame(() => {
    renderButtons();
    renderHead();
    renderTracked();
    feed.refresh();
  });
  on('cameras', keepSelection);
  on('status', follow);
  // The server is back: the stream need not wait for its own next attempt.
  on('connected', () => feed.retryNow());
  on('camera tracked', render);
  on('cameras', throttle(500, render));
  // Of who is where only the tracked person and the colours of the boxes are shown here.
  const renderPeople = oncePerFrame(() => {
    if (!visible) return;
    renderTracked();
    feed.refresh();
  });
  on('status', throttle(250, renderPeople));
  on('camera', () => byId('camera-buttons').querySelector('[aria-pressed="true"]')
    ?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
  document.addEventListener('hadir:language', () => {
    render();
    renderFullscreen();
  });
  setInterval(() => {
    if (!visible) return;
    follow();
    renderHead();
    renderTracked();
  }, 1000);

  const fullscreen = byId('fullscreen');
  fullscreen.hidden = !document.fullscreenEnabled;
  fullscreen.addEventListener('click', () => {
    const change = document.fullscreenElement ? document.exitFullscreen() : byId('stage').requestFullscreen();
    change.catch(() => {});
  });
  document.addEventListener('fullscreenchange', renderFullscreen);
  renderFullscreen();
  byId('snapshot').addEventListener('click', snapshot);
  on('me', () => { byId('snapshot').hidden = !changesEmployees(); });
  byId('grid-button').addEventListener('click', () => setGrid(!grid));

  addEventListener('keydown', (event) => {
    if (!visible || event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return;
    if (event.target.closest?.('input, select, textarea, dialog, [contenteditable]')) return;
    const wanted = store.cameras.find((entry) => entry.number === Number(event.key));
    if (wanted) chooseCamera(wanted.id);
  });
}
